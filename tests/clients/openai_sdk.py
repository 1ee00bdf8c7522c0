"""The OpenAI SDK for Python: `responses.create`, `responses.stream` and `responses.parse`."""

import json

import openai
from cases import API_KEY, BASE_URL, IMAGE, QUESTION, WEATHER, Weather, run

client = openai.OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0)

WEATHER_TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


def seen(response):
    """What a program would read from a Response."""
    incomplete = response.incomplete_details
    return {
        "status": response.status,
        "text": response.output_text,
        "items": [item.type for item in response.output],
        "model": response.model,
        "usage": response.usage and [response.usage.input_tokens, response.usage.output_tokens],
        "reason": incomplete and incomplete.reason,
        "error": response.error and response.error.code,
    }


def create(model, **request):
    return client.responses.create(model=model, **({"input": QUESTION} | request))


def stream(model, **request):
    """Streams to the end; also counts the text deltas and joins them."""
    deltas = []
    with client.responses.stream(model=model, **({"input": QUESTION} | request)) as events:
        for event in events:
            if event.type == "response.output_text.delta":
                deltas.append(event.delta)
            last = event
        # `get_final_response` knows completed answers only; the others end in their own event.
        return last.response, deltas


def streamed(model, **request):
    response, deltas = stream(model, **request)
    return seen(response) | {"deltas": len(deltas), "streamed_text": "".join(deltas)}


def tool_round_trip(model, ask):
    """Asks, runs the tools it is told to, and asks again with their outputs."""
    conversation = [{"role": "user", "content": QUESTION}]
    first = ask(model, input=conversation, tools=[WEATHER_TOOL])
    calls = [item for item in first.output if item.type == "function_call"]
    conversation += first.output
    conversation += [
        {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": WEATHER[json.loads(call.arguments)["city"]],
        }
        for call in calls
    ]
    second = ask(model, input=conversation, tools=[WEATHER_TOOL])
    return seen(second) | {
        "calls": [[call.name, json.loads(call.arguments)] for call in calls],
        "first_items": [item.type for item in first.output],
    }


def reasoning(ask):
    """Shows the reasoning and gives it back with a second question."""
    conversation = [{"role": "user", "content": "How much is two plus two?"}]
    first = ask("reasoning", input=conversation, reasoning={"effort": "low", "summary": "auto"})
    thoughts = [part.text for item in first.output if item.type == "reasoning" for part in item.summary]
    conversation += first.output
    conversation.append({"role": "user", "content": "Why?"})
    second = ask("reasoning", input=conversation)
    return seen(first) | {"thoughts": thoughts, "second_text": second.output_text}


def structured(call):
    response = call(model="structured", input=QUESTION, text_format=Weather)
    return seen(response) | {"parsed": response.output_parsed.model_dump()}


def structured_streamed(**request):
    with client.responses.stream(**request) as events:
        return events.get_final_response()


def refusal(response):
    parts = [part for item in response.output for part in item.content]
    return seen(response) | {"refusals": [part.refusal for part in parts if part.type == "refusal"]}


def image():
    parts = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": IMAGE, "detail": "low"},
    ]
    return seen(create("image", input=[{"role": "user", "content": parts}]))


def error(call):
    try:
        call()
    except openai.APIStatusError as error:
        return {
            "raised": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "message": str(error),
            "retry_after": error.response.headers.get("retry-after"),
        }
    return {"raised": None}


def stream_ends(model):
    """How a broken stream looks to a program that iterates over `create(stream=True)`."""
    types, text = [], ""
    try:
        for event in create(model, stream=True):
            types.append(event.type)
            text += event.delta if event.type == "response.output_text.delta" else ""
    except openai.APIError as error:
        return {"raised": type(error).__name__, "message": str(error), "text": text}
    return {"raised": None, "last": types[-1], "text": text}


def only_response(model, **request):
    return stream(model, **request)[0]


run(
    {
        "text": lambda: seen(create("text")),
        "text-stream": lambda: streamed("text"),
        "tools": lambda: tool_round_trip("tools", create),
        "tools-stream": lambda: tool_round_trip("tools", only_response),
        "parallel": lambda: tool_round_trip("parallel", create),
        "parallel-stream": lambda: tool_round_trip("parallel", only_response),
        "reasoning": lambda: reasoning(create),
        "reasoning-stream": lambda: reasoning(only_response),
        "structured": lambda: structured(client.responses.parse),
        "structured-stream": lambda: structured(structured_streamed),
        "refusal": lambda: refusal(create("refusal")),
        "refusal-stream": lambda: refusal(only_response("refusal")),
        "length": lambda: seen(create("length")),
        "length-stream": lambda: streamed("length"),
        "filter": lambda: seen(create("filter")),
        "filter-stream": lambda: streamed("filter"),
        "image": image,
        "error": lambda: error(lambda: create("error")),
        "error-stream": lambda: error(lambda: stream("error")),
        "rate": lambda: error(lambda: create("rate")),
        "rate-stream": lambda: error(lambda: stream("rate")),
        "failure": lambda: stream_ends("failure"),
        "truncated": lambda: stream_ends("truncated"),
    }
)
