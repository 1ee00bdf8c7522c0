"""What the Python clients share: the questions they ask and the form of their report.

A client script is started with the base URL as its only argument. The name of a case is also the
name of the model, by which the scripted upstream knows what to answer. Each case prints one line of
JSON; an exception is part of what a client observes, so it is reported and never ends the script.
"""

import asyncio
import inspect
import json
import sys
import warnings

import pydantic

BASE_URL = sys.argv[1] if len(sys.argv) > 1 else sys.exit("usage: SCRIPT BASE_URL")
API_KEY = "test-key"

QUESTION = "How is the weather in Paris?"
WEATHER = {"Paris": "sunny, 22 degrees", "Rome": "rainy, 17 degrees"}

# A red square of 8 x 8 pixels.
IMAGE = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII="
)


class Weather(pydantic.BaseModel):
    """The form of a structured answer."""

    city: str
    degrees: int


def run(cases):
    """Runs each case, a function or a coroutine function, and prints what it returns."""
    warnings.simplefilter("ignore")
    # One event loop for all: the connections of an asynchronous client belong to one.
    asyncio.run(report(cases))


async def report(cases):
    for name, case in cases.items():
        try:
            seen = case()
            if inspect.isawaitable(seen):
                seen = await seen
        except Exception as error:  # noqa: BLE001 - whatever a client raises is what it shows
            seen = {"raised": type(error).__name__, "message": str(error)}
        print(json.dumps({"case": name, **seen}), flush=True)
