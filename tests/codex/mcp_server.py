"""A tiny MCP server on standard input and output: one JSON-RPC message per line.

Its arguments are the names of its tools. Every tool adds two numbers.
"""

import json
import sys

TOOLS = [
    {
        "name": name,
        "description": "Adds two numbers.",
        "inputSchema": {
            "type": "object",
            "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
            "required": ["a", "b"],
        },
    }
    for name in sys.argv[1:]
]


def result(method, params):
    if method == "initialize":
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "adder", "version": "1"},
        }
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        total = sum(params["arguments"].values())
        return {"content": [{"type": "text", "text": f"{params['name']} says {total}"}]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        answer = result(message["method"], message.get("params", {}))
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": answer}), flush=True)
