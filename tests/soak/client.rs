//! One exchange from the client's side.

use std::time::Duration;

use reqwest::{Client, Response};
use xxhash_rust::xxh3::xxh3_128;

use crate::story::{Kind, Story};
use crate::support::grammar;
use crate::support::summary::Summary;
use crate::upstream::PATIENCE;

/// Clients that speak HTTP/1.1 and HTTP/2.
pub fn clients() -> [Client; 2] {
    let client = || Client::builder().no_proxy().timeout(3 * PATIENCE);
    let http_2 = client().http2_prior_knowledge().http2_keep_alive_timeout(Duration::MAX);
    [client(), http_2].map(|client| client.build().unwrap())
}

/// Goes through an exchange; an error says what was wrong.
pub async fn exchange(client: &Client, url: &str, story: Story) -> Result<(), String> {
    let sent = client.post(url).json(&story.request()).send().await;
    let response = sent.map_err(|error| format!("no answer: {error:?}"))?;
    if response.status() != 200 {
        let status = response.status();
        return Err(format!("{status}: {}", response.text().await.unwrap_or_default()));
    }
    match story.kind {
        Kind::Leaves => leave(response).await,
        Kind::Cut => break_off(response).await,
        Kind::Whole => {
            let body = response.bytes().await.map_err(|error| format!("{error:?}"))?;
            let checked = grammar::check_response(&body).map_err(|error| error.to_string())?;
            same(&Summary::of_response(&checked), story)
        }
        _ => {
            let body = response.bytes().await.map_err(|error| format!("{error:?}"))?;
            let stream = grammar::check(&body).map_err(|error| error.to_string())?;
            same(&stream.summary, story)
        }
    }
}

/// Reads some of a stream and drops it.
async fn leave(mut response: Response) -> Result<(), String> {
    let mut read = Vec::new();
    while String::from_utf8_lossy(&read).matches("event: response.output_text.delta").count() < 3 {
        let piece = response.chunk().await.map_err(|error| format!("{error:?}"))?;
        read.extend_from_slice(&piece.ok_or("the stream has ended before the client left")?);
    }
    Ok(())
}

/// Reads a stream that breaks off: it never looks complete.
async fn break_off(mut response: Response) -> Result<(), String> {
    let mut read = Vec::new();
    while let Ok(piece) = response.chunk().await {
        let Some(piece) = piece else { return Err("a cut stream has ended well".into()) };
        read.extend_from_slice(&piece);
    }
    let read = String::from_utf8_lossy(&read);
    if read.contains("event: response.completed") || read.contains("output_item.done") {
        return Err("a cut stream looks complete".into());
    }
    Ok(())
}

/// Compares what has arrived with what was said, by hash: texts are long.
fn same(told: &Summary, story: Story) -> Result<(), String> {
    if told.terminal != "completed" {
        return Err(format!("ended as {}", told.terminal));
    }
    let hash = |text: &str| xxh3_128(text.as_bytes());
    if hash(&told.text) != hash(&story.text()) {
        return Err(format!("another text, of {} bytes", told.text.len()));
    }
    let calls: Vec<_> = told.calls.iter().map(|call| hash(&call.arguments)).collect();
    let said: Vec<_> = story.arguments().iter().map(|arguments| hash(arguments)).collect();
    if calls == said { Ok(()) } else { Err(format!("other calls, {} of them", calls.len())) }
}
