//! Errors over HTTP (dialect catalogue §5, §6).

use responses_filter::dialect::errors::{classify, is_error_document};
use responses_filter::error::{ApiError, Class};
use serde_json::{Value, json};

fn http(status: u16, body: &str) -> ApiError {
    classify(status, &[], body.as_bytes(), 0)
}

#[test]
fn context_in_every_wording() {
    for text in [
        "This model's maximum context length is 131072 tokens. However, you requested 131134 tokens",
        "the request exceeds the available context size, try increasing it",
        "Your input exceeds the context window of this model.",
        "invalid params, context window exceeds limit (2013)",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "prompt too long; exceeded max context length by 12 tokens",
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048575).",
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 983616]",
        "Invalid request: Your request exceeded model token limit: 262144 (requested: 270000)",
        "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
        "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        "The number of tokens to keep from the initial prompt is greater than the context length",
        "Trying to keep the first 15857 tokens when context the overflows.",
        "Please reduce the length of the messages or completion.",
        "tokens in request more than max tokens allowed",
        "The length of prompt_tokens (9) must be less than max_seq_len",
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
        "Input is too long for requested model.",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        "Input too long: 9000 input tokens, limit is 8192",
        "输入超过最大长度",
    ] {
        for (status, body) in [
            (
                400,
                json!({"error": {"message": text, "type": "invalid_request_error", "code": null}}),
            ),
            (422, json!({"detail": text})),
            (500, json!({"error": text})),
        ] {
            let error = http(status, &body.to_string());
            assert_eq!(error.class, Class::ContextLengthExceeded, "{status} {text}");
            assert!(error.message.contains(text), "{}", error.message);
        }
    }
    let error = http(400, r#"{"error":{"message":"no","code":"context_length_exceeded"}}"#);
    assert_eq!(error.class, Class::ContextLengthExceeded);
    assert_eq!(http(413, "").class, Class::ContextLengthExceeded);
    let too_large = r#"{"type":"error","error":{"type":"request_too_large","message":"x"}}"#;
    assert_eq!(http(413, too_large).class, Class::ContextLengthExceeded);
}

#[test]
fn what_only_sounds_like_context() {
    let tpm = r#"{"error":{"message":"Request too large for model `x` on tokens per minute (TPM): Limit 6000,
        Requested 7000, please reduce the length of the messages","type":"tokens","code":"rate_limit_exceeded"}}"#;
    assert_eq!(http(413, tpm).class, Class::RateLimitExceeded);
    for text in [
        "max_tokens is too large: 99999. This model supports at most 16384 completion tokens",
        "'max_tokens' or 'max_completion_tokens' is too large: 40000. This model's maximum context length is 32768",
    ] {
        assert_eq!(
            http(400, &json!({"message": text}).to_string()).class,
            Class::InvalidRequest,
            "{text}"
        );
    }
    let bedrock = r#"{"message":"Too many tokens, please wait before trying again."}"#;
    assert_eq!(http(429, bedrock).class, Class::RateLimitExceeded);
    assert_eq!(http(413, "Payload Too Large").class, Class::RequestTooLarge);
}

/// Status, body and the class they make together.
const SIGNALS: &[(u16, &str, Class)] = &[
    (
        402,
        r#"{"error":{"message":"Insufficient Balance","code":"invalid_request_error"}}"#,
        Class::InsufficientQuota,
    ),
    (
        429,
        r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#,
        Class::InsufficientQuota,
    ),
    (
        429,
        r#"{"error":{"code":"1113","message":"余额不足或无可用资源包"}}"#,
        Class::InsufficientQuota,
    ),
    (500, r#"{"error":{"message":"insufficient balance (1008)"}}"#, Class::InsufficientQuota),
    (400, r#"{"error":{"message":"Your credit balance is too low"}}"#, Class::InsufficientQuota),
    (
        429,
        r#"{"error":{"message":"Rate limit exceeded: free-models-per-day. Add 10 credits","code":429}}"#,
        Class::RateLimitExceeded,
    ),
    (
        429,
        r#"[{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED"}}]"#,
        Class::RateLimitExceeded,
    ),
    (429, "", Class::RateLimitExceeded),
    (
        400,
        r#"{"__type":"ThrottlingException","message":"Too many requests","type":"ThrottlingException"}"#,
        Class::RateLimitExceeded,
    ),
    (
        429,
        r#"{"errors":[{"code":3040,"message":"Capacity temporarily exceeded"}]}"#,
        Class::RateLimitExceeded,
    ),
    (429, r#"{"error":{"code":"1302","message":"x"}}"#, Class::RateLimitExceeded),
    (429, r#"{"error":{"code":"limit_burst_rate","message":"x"}}"#, Class::RateLimitExceeded),
    (429, r#"{"error":{"code":"1305","message":"x"}}"#, Class::Overloaded),
    (
        429,
        r#"{"error":{"type":"engine_overloaded_error","message":"The engine is overloaded"}}"#,
        Class::Overloaded,
    ),
    (
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        Class::Overloaded,
    ),
    (503, r#"{"error":{"message":"Service is too busy."}}"#, Class::Overloaded),
    (401, "", Class::Authentication),
    (401, "Unauthorized", Class::Authentication),
    (
        400,
        r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key."}}]"#,
        Class::Authentication,
    ),
    (403, r#"{"error":{"message":"no"}}"#, Class::PermissionDenied),
    (
        404,
        r#"{"error":{"message":"model 'qwen3:99b' not found","type":"not_found_error"}}"#,
        Class::ModelNotFound,
    ),
    (
        404,
        r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#,
        Class::ModelNotFound,
    ),
    (404, r#"{"error":"please check the model you provided"}"#, Class::ModelNotFound),
    (
        404,
        r#"{"error":{"message":"No endpoints found that support tool use.","code":404}}"#,
        Class::ModelNotFound,
    ),
    (400, r#"{"errors":[{"message":"x","code":5007}]}"#, Class::ModelNotFound),
    (404, r#"{"detail":"Not Found"}"#, Class::NotFound),
    (404, "<html><title>404</title></html>", Class::NotFound),
    (
        400,
        r#"{"error":{"message":"x","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
        Class::Policy,
    ),
    (
        400,
        r#"{"error":{"message":"Input data may contain inappropriate content.","code":"data_inspection_failed"}}"#,
        Class::Policy,
    ),
    (400, r#"{"error":{"code":"1301","message":"x"}}"#, Class::Policy),
    (400, r#"{"error":{"message":"input new_sensitive (1026)"}}"#, Class::Policy),
    (
        400,
        r#"{"error":{"message":"Failed to call a function.","code":"tool_use_failed"}}"#,
        Class::Server,
    ),
    (
        500,
        r#"{"error":{"message":"jinja template rendering failed. System message must be at the beginning."}}"#,
        Class::InvalidRequest,
    ),
    (500, r#"{"error":"Conversation roles must alternate user/assistant"}"#, Class::InvalidRequest),
    (422, r#"{"detail":[{"loc":["body","n"],"msg":"x","type":"y"}]}"#, Class::InvalidRequest),
    (418, "", Class::InvalidRequest),
    (405, "", Class::MethodNotAllowed),
    (408, "", Class::Timeout),
    (500, "", Class::Server),
    (502, "<html><title>502 Bad Gateway</title></html>", Class::BadGateway),
    (503, "upstream connect error or disconnect/reset before headers", Class::Unavailable),
    (504, "", Class::Timeout),
    (524, "<!DOCTYPE html><title>524: A timeout occurred</title>", Class::Timeout),
    (520, "error code: 520", Class::BadGateway),
    (302, "", Class::BadGateway),
    (599, "", Class::Server),
];

#[test]
fn every_class_by_its_signals() {
    for (status, body, class) in SIGNALS {
        assert_eq!(http(*status, body).class, *class, "{status} {body}");
    }
}

#[test]
fn messages_in_every_shape() {
    for (body, message) in [
        (r#"{"error":{"message":"a"}}"#, "a"),
        (r#"{"error":"a"}"#, "a"),
        (r#"[{"error":{"message":"a"}}]"#, "a"),
        (r#"{"message":"a"}"#, "a"),
        (
            r#"{"message":{"detail":[{"type":"t","loc":["body","messages",3],"msg":"m"}]}}"#,
            "body.messages.3: m",
        ),
        (r#"{"detail":"a"}"#, "a"),
        (
            r#"{"detail":[{"loc":["body","x"],"msg":"m"},{"loc":["y"],"msg":"n"}]}"#,
            "body.x: m; y: n",
        ),
        (r#"{"errors":[{"message":"a"},{"message":"b"}]}"#, "a"),
        (r#"{"errors":["a"]}"#, "a"),
        (
            r#"{"error":{"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"message\":\"a\"}}"}}}"#,
            "Provider returned error: a",
        ),
        (r#"{"error":{"message":"{\"error\":{\"message\":\"a\"}}"}}"#, "a"),
        (r#""a""#, "a"),
        ("data: {\"error\":{\"message\":\"a\"}}\n\n", "a"),
        ("event: error\ndata: {\"error\":\"a\"}\n\n", "a"),
        ("\u{FEFF} {\"error\":\"a\"}", "a"),
        ("a", "a"),
        (r#"{"error":{"message":"a \"b\" c","ty"#, "a \"b\" c"),
        (r#"{"error":{"message":"a cut mess"#, "a cut mess"),
        (r#"{"timestamp":1,"status":400,"error":"Bad Request","message":"a","path":"/v1"}"#, "a"),
        (r#"{"title":"Unprocessable Entity","status":422,"detail":"a"}"#, "a"),
        (r#"{"code":"x","msg":"a"}"#, "a"),
        (r#"{"error":NaN,"message":"a"}"#, "a"),
        ("", "The upstream answered with status 400 and said nothing about it."),
        ("{}", "The upstream answered with status 400 and said nothing about it."),
        (
            "<html><TITLE>\n Bad\n </TITLE>",
            "The upstream answered with status 400 and a web page: Bad",
        ),
        ("<p>x</p>", "The upstream answered with status 400 and a web page."),
    ] {
        assert_eq!(http(400, body).message, message, "{body}");
    }
    assert!(http(400, &"é".repeat(5000)).message.len() < 2100);
}

#[test]
fn codes_and_params() {
    let error =
        http(400, r#"{"error":{"message":"a","param":"tools[0]","code":"unknown_parameter"}}"#);
    assert_eq!((error.code(), error.param.as_deref()), ("unknown_parameter", Some("tools[0]")));
    let error = http(400, r#"{"error":{"message":"a","code":3230}}"#);
    assert_eq!((error.code(), error.status()), ("invalid_request_error", 400));
    let error =
        http(400, r#"{"error":{"message":"a","code":"Client specified an invalid argument"}}"#);
    assert_eq!(error.code(), "invalid_request_error");
    let error =
        http(422, r#"{"detail":[{"loc":["body","messages",0],"msg":"a","type":"missing"}]}"#);
    assert_eq!(error.param.as_deref(), Some("messages.0"));
}

#[test]
fn delays() {
    let headers = [("retry-after".into(), "12".into())];
    let error = classify(429, &headers, b"{\"error\":\"slow\"}", 0);
    assert_eq!(
        (error.retry_after_s, error.message.as_str()),
        (Some(12), "slow. Please try again in 12s.")
    );
    let error = classify(503, &headers, b"{\"error\":\"down\"}", 0);
    assert_eq!((error.retry_after_s, error.message.as_str()), (Some(12), "down"));
    // Waiting does not bring money.
    let error = classify(402, &headers, b"", 0);
    assert_eq!(error.retry_after_s, None);
    let error = http(429, r#"{"error":{"message":"Please try again in 1m3s."}}"#);
    assert_eq!(error.retry_after_s, Some(63));
    let error = http(
        429,
        r#"[{"error":{"code":429,"message":"Please retry in 31.5s.","details":[{"retryDelay":"31s"}]}}]"#,
    );
    assert_eq!(error.retry_after_s, Some(31));
}

#[test]
fn hints_name_the_setting() {
    for (text, field) in [
        ("System message must be at the beginning.", "system_messages"),
        (
            "The reasoning_content in the thinking mode must be passed back to the API.",
            "reasoning_required",
        ),
        (
            "Function call is missing a thought_signature in functionCall parts.",
            "thought_signature",
        ),
        ("Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.", "mistral9"),
        (
            "messages[3].role: unknown variant `developer`, expected one of `system`",
            "developer_role",
        ),
        ("Unexpected role 'user' after role 'tool'", "assistant_after_tool"),
        ("\"auto\" tool choice requires --enable-auto-tool-choice", "--enable-auto-tool-choice"),
        ("Extra inputs are not permitted, field: 'stream_options'", "include_usage"),
        ("Extra inputs are not permitted, field: 'messages[8].reasoning'", "reasoning_replay"),
        ("Argument not supported on this model: reasoningEffort", "reasoning_param"),
        ("body.store: property 'body.store' is unsupported", "params"),
        ("Unsupported parameter: 'max_tokens'", "max_tokens_field"),
        ("Invalid tool_choice type: 'object'. Supported string values: none", "string_only"),
        ("Unknown name \"$schema\" at 'tools[0]': Cannot find field.", "schema"),
        ("parameter.enable_thinking must be set to false for non-streaming calls", "force_stream"),
    ] {
        let error = http(400, &json!({"error": {"message": text}}).to_string());
        assert!(error.message.starts_with(text), "{}", error.message);
        let (_, hint) = error.message.split_once(" Hint: ").expect(text);
        assert!(hint.contains(field), "{hint}");
    }
    assert!(!http(400, r#"{"error":"no"}"#).message.contains("Hint"));
    assert!(!http(500, r#"{"error":"length of 9"}"#).message.contains("Hint"));
}

#[test]
fn documents_that_are_errors() {
    for (body, class) in [
        (
            json!({"error": "Unexpected endpoint or method. (POST /v1/v1/chat/completions)"}),
            Class::NotFound,
        ),
        (
            json!({"choices": null, "base_resp": {"status_code": 1002, "status_msg": "x"}}),
            Class::RateLimitExceeded,
        ),
        (json!([{"error": {"code": 503, "message": "x"}}]), Class::Unavailable),
        (json!({"object": "error", "message": "x", "code": 400}), Class::InvalidRequest),
        (json!("busy"), Class::Server),
    ] {
        let error = is_error_document(body.to_string().as_bytes()).expect("an error");
        assert_eq!(error.class, class, "{body}");
    }
    let page = is_error_document(b" <html><title>Login</title>").expect("an error");
    assert!(page.message.contains("Login"));
    for body in [
        json!({"choices": [{"message": {"content": "Hi"}}], "error": null}),
        json!({"choices": []}),
        json!({"result": {"response": "Hi"}, "errors": [], "success": true}),
        json!({"message": {"content": "Hi"}, "done": true}),
        json!([]),
        json!({}),
    ] {
        assert_eq!(is_error_document(body.to_string().as_bytes()), None, "{body}");
    }
    assert_eq!(is_error_document(b""), None);
}

/// Nothing here may take long or deep: bodies come from outside.
#[test]
fn hostile_bodies() {
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let nested = r#"{"error":"#.repeat(5_000);
    let quotes = "{\"message\":\"".repeat(20_000);
    for body in [deep.as_str(), &nested, &quotes, "{\"error\":{\"message\":\"\\", "\u{0}", "data:"]
    {
        http(400, body);
        is_error_document(body.as_bytes());
    }
    let mut value = Value::Null;
    for _ in 0..60 {
        value = json!({"error": value});
    }
    assert_eq!(http(400, &value.to_string()).class, Class::InvalidRequest);
}
