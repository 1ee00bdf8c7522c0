"""LangChain: `ChatOpenAI` on the Responses API, invoked and streamed."""

from cases import API_KEY, BASE_URL, IMAGE, QUESTION, WEATHER, Weather, run
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return WEATHER[city]


def model(name, **options):
    return ChatOpenAI(
        model=name,
        base_url=BASE_URL,
        api_key=API_KEY,
        max_retries=0,
        use_responses_api=True,
        **options,
    )


def invoke(chat, messages):
    return chat.invoke(messages)


def stream(chat, messages):
    whole = None
    for chunk in chat.stream(messages):
        whole = chunk if whole is None else whole + chunk
    return whole


def seen(message):
    usage = message.usage_metadata
    return {
        "text": message.text,
        "status": message.response_metadata.get("status"),
        "incomplete": message.response_metadata.get("incomplete_details"),
        "usage": usage and [usage["input_tokens"], usage["output_tokens"]],
        "blocks": [block["type"] for block in message.content_blocks],
    }


def simple(name, ask):
    return seen(ask(model(name), [HumanMessage(QUESTION)]))


def tool_round_trip(name, ask):
    chat = model(name).bind_tools([get_weather])
    conversation = [HumanMessage(QUESTION)]
    first = ask(chat, conversation)
    conversation.append(first)
    for call in first.tool_calls:
        conversation.append(ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]))
    second = ask(chat, conversation)
    return seen(second) | {"calls": [[call["name"], call["args"]] for call in first.tool_calls]}


def reasoning(ask):
    chat = model("reasoning", reasoning={"effort": "low", "summary": "auto"}, output_version="responses/v1")
    conversation = [HumanMessage("How much is two plus two?")]
    first = ask(chat, conversation)
    thoughts = [block["reasoning"] for block in first.content_blocks if block["type"] == "reasoning"]
    second = ask(chat, [*conversation, first, HumanMessage("Why?")])
    return seen(first) | {"thoughts": thoughts, "second_text": second.text}


def structured(ask):
    chat = model("structured").with_structured_output(Weather, method="json_schema")
    answer = ask(chat, [HumanMessage(QUESTION)])
    return {"parsed": answer.model_dump()}


def last(chat, messages):
    """Structured answers are not summed up: each element of the stream is the answer so far."""
    for answer in chat.stream(messages):
        pass
    return answer


def refusal(ask):
    message = ask(model("refusal"), [HumanMessage(QUESTION)])
    return seen(message) | {"refusal": message.additional_kwargs.get("refusal"), "content": message.content}


def partial(name):
    """What a program has when its stream breaks."""
    text = ""
    try:
        for chunk in model(name).stream([HumanMessage(QUESTION)]):
            text += chunk.text
    except Exception as error:  # noqa: BLE001
        return {"raised": type(error).__name__, "message": str(error), "text": text}
    return {"raised": None, "text": text}


def image():
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}},
    ]
    return seen(invoke(model("image"), [HumanMessage(parts)]))


run(
    {
        "text": lambda: simple("text", invoke),
        "text-stream": lambda: simple("text", stream),
        "tools": lambda: tool_round_trip("tools", invoke),
        "tools-stream": lambda: tool_round_trip("tools", stream),
        "parallel": lambda: tool_round_trip("parallel", invoke),
        "parallel-stream": lambda: tool_round_trip("parallel", stream),
        "reasoning": lambda: reasoning(invoke),
        "reasoning-stream": lambda: reasoning(stream),
        "structured": lambda: structured(invoke),
        "structured-stream": lambda: structured(last),
        "refusal": lambda: refusal(invoke),
        "refusal-stream": lambda: refusal(stream),
        "length": lambda: simple("length", invoke),
        "length-stream": lambda: simple("length", stream),
        "filter": lambda: simple("filter", invoke),
        "filter-stream": lambda: simple("filter", stream),
        "image": image,
        "error": lambda: simple("error", invoke),
        "error-stream": lambda: simple("error", stream),
        "rate": lambda: simple("rate", invoke),
        "rate-stream": lambda: simple("rate", stream),
        "failure": lambda: partial("failure"),
        "truncated": lambda: partial("truncated"),
    }
)
