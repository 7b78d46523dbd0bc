"""Two colleagues press at the same moment, over real HTTP: one change is made, the other is told, nothing is lost."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from record.order_book import OrderBook
from record.orders import State
from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.portal_world import PASSWORD, World, served

pytestmark = pytest.mark.slow
ROUNDS = 6


class Post:
    """One counter: a browser of its own, signed in."""

    def __init__(self, base: str) -> None:
        self.client = httpx2.Client(base_url=base, headers={"sec-fetch-site": "same-origin"}, timeout=60)
        answer = self.client.post("/entrer", data={"login": PHARMACY, "password": PASSWORD})
        assert answer.status_code == 303, answer.text

    def token(self, number: str) -> str:
        page = self.client.get(f"/officine/commande/{number}").text
        return re.search(r'name="jeton" value="([^"]+)"', page)[1]


def test_of_two_who_press_at_once_one_wins_and_the_other_is_told(world: World):
    found = [ordered(world.kept, prescribed(world.kept)) for _ in range(ROUNDS)]
    wishes = ({"vers": "taken"}, {"vers": "question", "note": "Quelle date ?"})
    with served(world.app) as base, ThreadPoolExecutor(2) as pool:
        posts = (Post(base), Post(base))
        for order in found:
            together = threading.Barrier(2)

            def press(post: Post, wish: dict[str, str], order=order, together=together) -> int:
                form = wish | {"jeton": post.token(order.number), "version": str(order.version)}
                together.wait(60)
                return post.client.post(f"/officine/commande/{order.number}/etat", data=form).status_code

            codes = list(pool.map(press, posts, wishes))
            assert sorted(codes) == [303, 409]
            now = world.kept.db.read(world.services.orders.get, order.id)
            won = State.TAKEN if codes[0] == 303 else State.QUESTION
            book = OrderBook(world.kept.keyring, world.kept.trail)
            steps = world.kept.db.read(book.steps, now)
            assert now.state is won and now.version == order.version + 1
            assert [step.to_state for step in steps] == [won]
        for post in posts:
            post.client.close()
