//! The demo upstream on its own: a Chat Completions server that answers from the conversation or
//! from a script (see [`chat::control`]).
//!
//! ```text
//! cargo run --example demo-upstream -- [ADDRESS:PORT] [PAUSE_MS]
//! ```
//! The address is `127.0.0.1:18080` and the pause between the pieces of a stream 30 ms unless given.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

#[allow(dead_code, reason = "tests use more of it")]
mod chat;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().as_deref().unwrap_or("127.0.0.1:18080").parse()?;
    let pause_ms: u64 = arguments.next().as_deref().unwrap_or("30").parse()?;
    let server = chat::Server::bind(address, Duration::from_millis(pause_ms)).await?;
    println!("Chat Completions on http://{}/v1; Ctrl-C ends it.", server.address());
    tokio::signal::ctrl_c().await?;
    Ok(())
}
