"""What is kept under the bell: one thing that goes on is one item, with what was said of it last."""

from __future__ import annotations

from gui.frame.news import News
from gui.tokens import Colour


def test_what_is_said_anew_takes_the_place_of_what_was_said_before() -> None:
    news = News()
    news.note("n2 does not answer", "12 sessions are on it", "warning-fill", Colour.WARN, "node n2")
    news.note("done", "", "check", Colour.LIVE)
    at = news.items[-1].at
    news.note("n2 stopped answering", "9 of 12 resumed", "warning-circle-fill", Colour.DANGER, "node n2")
    assert [(item.title, item.detail) for item in news.items] == [
        ("done", ""),
        ("n2 stopped answering", "9 of 12 resumed"),
    ]
    assert (news.items[-1].at, news.unseen) == (at, 1), "it is counted once, since its beginning"


def test_what_is_well_again_is_an_item_of_its_own_that_counts_as_nothing() -> None:
    news = News()
    news.note("n2 crashed", "none resumed yet", "warning-circle-fill", Colour.DANGER, "node n2")
    news.note("n2 is back", "9 of 12 resumed", "check-circle-fill", Colour.LIVE, "node n2")
    news.note("n2 is back", "12 of 12 resumed", "check-circle-fill", Colour.LIVE, "node n2")
    assert [item.detail for item in news.items] == ["12 of 12 resumed", "none resumed yet"]
    assert news.unseen == 1


def test_what_happens_again_is_another_item() -> None:
    news = News()
    for _ in range(2):
        news.note("n2 crashed", "", "warning-circle-fill", Colour.DANGER, "node n2")
        news.close("node n2")
    news.close("never said")
    assert (len(news.items), news.unseen) == (2, 2)
