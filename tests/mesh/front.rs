//! What stands before the filter, and limits behind it.

use std::process::{Command, Stdio};

use crate::example::Example;
use crate::upstream::Upstream;
use crate::{ask, bad, good};

#[test]
fn a_rate_limit_for_one_model_leaves_the_others_alone() {
    let upstream = Upstream::start();
    let envoy = Example::read("rate-limit.yaml").upstream(8000, &upstream).start();
    for _ in 0..2 {
        good(envoy.post("/v1/responses", &ask("large")));
    }
    let limited = envoy.post("/v1/responses", &ask("large"));
    assert_eq!(limited.headers()["retry-after"], "20");
    let error = bad(limited, 429);
    assert_eq!(error["code"], "rate_limit_exceeded");
    good(envoy.post("/v1/responses", &ask("small")));
}

/// A client with TLS and a signed token: Python's standard library has both.
const CLIENT: &str = r#"
import base64, hashlib, hmac, http.client, json, ssl, sys, time
host, port, ca, secret, claims = sys.argv[1], int(sys.argv[2]), *sys.argv[3:]
part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
head = part(b'{"alg":"HS256","typ":"JWT","kid":"k"}')
signed = head + b"." + part(claims.replace("NOW", str(int(time.time()))).encode())
token = signed + b"." + part(hmac.new(secret.encode(), signed, hashlib.sha256).digest())
context = ssl.create_default_context(cafile=ca)
context.check_hostname = False
client = http.client.HTTPSConnection(host, port, context=context, timeout=60)
headers = {"content-type": "application/json"}
if claims != "none": headers["authorization"] = "Bearer " + token.decode()
client.request("POST", "/v1/responses", json.dumps({"model": "m", "input": "Hi"}), headers)
answer = client.getresponse()
print(answer.status, answer.read().decode())
"#;

#[test]
fn tls_and_a_token_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let [key, certificate] = ["tls.key", "tls.crt"].map(|name| folder.path().join(name));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status()
        .expect("openssl: install it, for example with `apt install openssl`");
    assert!(made.success());
    let secret = "a secret of thirty-two characters";
    let jwks = format!(
        r#"{{"keys":[{{"kty":"oct","alg":"HS256","kid":"k","k":"{}"}}]}}"#,
        base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, secret)
    );
    let read = |path| std::fs::read_to_string(path).unwrap();
    let upstream = Upstream::start();
    let envoy = Example::read("tls-jwt.yaml")
        .upstream(8000, &upstream)
        .file("/etc/envoy/tls/tls.crt", &read(&certificate))
        .file("/etc/envoy/tls/tls.key", &read(&key))
        .file("/etc/envoy/jwks.json", &jwks)
        .start();
    let ask = |claims: &str| {
        let output = Command::new("python3")
            .args(["-c", CLIENT, "127.0.0.1", &envoy.address().port().to_string()])
            .arg(&certificate)
            .args([secret, claims])
            .output()
            .expect("python3");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let good = r#"{"iss":"https://login.example.com","aud":"llm","exp":NOW9}"#;
    let answer = ask(good);
    assert!(answer.starts_with("200 ") && answer.contains("Hello"), "{answer}");
    assert_eq!(upstream.request(0).header("authorization"), None);
    for wrong in [
        "none",
        r#"{"iss":"https://login.example.com","aud":"other","exp":NOW9}"#,
        r#"{"iss":"https://login.example.com","aud":"llm","exp":1}"#,
    ] {
        let answer = ask(wrong);
        assert!(answer.starts_with("401 ") || answer.starts_with("403 "), "{wrong}: {answer}");
    }
    assert_eq!(upstream.requests().len(), 1);
}

/// Envoy reads the model only out of what calls itself JSON; the filter reads any body. So without held
/// headers the way of a request may be that of no model.
#[test]
fn without_held_headers_a_client_can_hide_its_model_from_routes() {
    let [default, deepseek, coder, local] = [(); 4].map(|()| Upstream::start());
    let envoy = Example::read("without-hold.yaml")
        .upstream(8000, &default)
        .upstream(8001, &deepseek)
        .upstream(8002, &coder)
        .upstream(11434, &local)
        .start();
    let body = serde_json::json!({"model": "deepseek-chat", "input": "Say hello."}).to_string();
    let send = |content_type: &str| {
        let request = envoy.client.post(envoy.url("/v1/responses"));
        request.header("content-type", content_type).body(body.clone()).send().expect("an answer")
    };
    assert_eq!(send("application/json").status(), 200);
    assert_eq!(deepseek.request(0).json()["model"], "deepseek-chat");
    assert_eq!(send("text/plain").status(), 200);
    assert_eq!(default.request(0).json()["model"], "deepseek-chat");
}
