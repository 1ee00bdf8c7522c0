//! What the client asks: a request as a coding agent sends it, of any size.
//!
//! Small ones are one short message. Large ones carry long instructions, a dozen tools with schemas,
//! and a history of calls whose outputs are source code, which is where the bytes of real ones are.

use serde_json::{Value, json};

/// A request to `POST /v1/responses` with exactly this many bytes, if it is at least 1 KiB.
pub fn request(bytes: usize) -> String {
    let mut lines = Lines(0x9E37_79B9_7F4A_7C15);
    let large = bytes > 64 << 10;
    let tools = if large { 12 } else { 1 };
    let instructions = lines.text(if large { 16 << 10 } else { 300 });
    let mut input = vec![
        message("developer", "input_text", &lines.text(if large { 3000 } else { 100 })),
        message("user", "input_text", &lines.text(200)),
    ];
    let mut body = json!({
        "model": "bench-model", "stream": true, "instructions": instructions,
        "tools": (0..tools).map(|n| tool(n, &mut lines)).collect::<Vec<_>>(),
        "tool_choice": "auto", "parallel_tool_calls": true,
        "reasoning": {"effort": "medium", "summary": "auto"}, "store": false,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199c1f2-5a5e-7cc3-9b0e-5a0f3f5f8b1a",
    });
    let mut size = body.to_string().len() + input.iter().map(length).sum::<usize>();
    let mut turn = 0;
    // Outputs in real histories have a few kilobytes; the last one fills what is left.
    while size + 12_000 < bytes {
        for item in exchange(turn, &mut lines) {
            size += length(&item);
            input.push(item);
        }
        turn += 1;
    }
    let last = message("user", "input_text", "");
    body["input"] = input.into();
    let rest = bytes.saturating_sub(body.to_string().len() + 1 + last.to_string().len());
    let filling: String = "go on. ".chars().cycle().take(rest).collect();
    if let Some(items) = body["input"].as_array_mut() {
        items.push(message("user", "input_text", &filling));
    }
    body.to_string()
}

fn length(item: &Value) -> usize {
    item.to_string().len() + 1
}

fn message(role: &str, kind: &str, text: &str) -> Value {
    json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})
}

/// One turn of the agent: it reasons, runs something, gets an output and says a sentence.
fn exchange(turn: usize, lines: &mut Lines) -> Vec<Value> {
    let call_id = format!("call_{turn:024}");
    let arguments = json!({"cmd": format!("sed -n '1,{}p' src/file_{turn}.rs", 40 + turn),
                           "workdir": "/repo", "yield_time_ms": 1000});
    let output = format!("Exit code: 0\nWall time: 0.1 seconds\nOutput:\n{}", lines.text(6000));
    vec![
        json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": lines.text(300)}],
               "encrypted_content": lines.opaque(1200)}),
        json!({"type": "function_call", "name": super::answer::TOOL, "call_id": call_id,
               "arguments": arguments.to_string()}),
        json!({"type": "function_call_output", "call_id": call_id, "output": output}),
        message("assistant", "output_text", &lines.text(400)),
    ]
}

fn tool(n: usize, lines: &mut Lines) -> Value {
    let name = if n == 0 { super::answer::TOOL.to_owned() } else { format!("tool_{n}") };
    let parameters = if n == 0 { 2 } else { 6 };
    let properties: serde_json::Map<_, _> = (0..parameters)
        .map(|p| {
            let description = lines.text(if n == 0 { 40 } else { 150 });
            (format!("parameter_{p}"), json!({"type": "string", "description": description}))
        })
        .collect();
    json!({
        "type": "function", "name": name, "strict": false,
        "description": lines.text(if n == 0 { 100 } else { 400 }),
        "parameters": {"type": "object", "properties": properties,
                       "required": ["parameter_0"], "additionalProperties": false},
    })
}

/// Lines that look like source code to a JSON parser: about one escape in thirty characters.
struct Lines(u64);

impl Lines {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn text(&mut self, bytes: usize) -> String {
        const LINES: [&str; 8] = [
            "    let value = map.get(\"key\").copied().unwrap_or_default();\n",
            "fn read(&mut self, bytes: &[u8]) -> Result<(), Error> {\n",
            "        // The limit holds however the bytes are cut.\n",
            "\tif err != nil {\n\t\treturn fmt.Errorf(\"open %s: %w\", path, err)\n\t}\n",
            "}\n\n",
            "        self.items.push(Item { name, place: None, size: 4096 });\n",
            "const TEXT: &str = \"naïve – ünïcödé\\n\";\n",
            "    assert_eq!(decoder.finish(), Ok(()), \"{body:?} in pieces of {size}\");\n",
        ];
        let mut text = String::with_capacity(bytes + 100);
        while text.len() < bytes {
            let line = usize::try_from(self.next() % 8).unwrap_or_default();
            text.push_str(LINES.get(line).copied().unwrap_or_default());
        }
        while text.len() > bytes {
            text.pop();
        }
        text
    }

    /// Looks like base64.
    fn opaque(&mut self, bytes: usize) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::from("gAAAAAB");
        while text.len() < bytes {
            let at = usize::try_from(self.next() % 64).unwrap_or_default();
            text.push(LETTERS.get(at).copied().map_or('A', char::from));
        }
        text
    }
}
