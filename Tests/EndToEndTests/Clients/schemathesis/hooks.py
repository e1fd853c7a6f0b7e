"""How schemathesis acts on a server: as the owner of a customer of its own, a new one every few seconds, so that whatever
it revokes, erases or signs out of costs it little, and no customer's limits end the run."""
import itertools
import json
import os
import urllib.request

import schemathesis

BASE = os.environ["NRX_URL"]
PASSWORD = "correct horse battery staple"
numbers = itertools.count()


def post(path, body):
    request = urllib.request.Request(
        BASE + path, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@schemathesis.auth(refresh_interval=10)
class Owner:
    def get(self, case, context):
        email = f"owner{next(numbers)}@schemathesis.example"
        post("/v1/signup", {"email": email, "password": PASSWORD})
        return post("/v1/auth/login", {"email": email, "password": PASSWORD})["access_token"]

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"
