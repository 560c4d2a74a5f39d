"""The Autobahn test suite against our gateway, and against the library that it is made of (`make autobahn`)."""
