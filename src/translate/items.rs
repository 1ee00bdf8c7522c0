//! The output items of one response, in order: the first unfinished one is live, the others wait.

mod live;

use std::collections::VecDeque;

use super::calls::{Call, Closed};
use super::logprobs;
use super::output::{Message, PartKind, append_elements};
use super::reasoning::Reasoning;
use super::sink::Sink;
use super::tools::ToolTable;
use crate::config::{Limits, ReasoningOutput};
use crate::dialect::{Delta, ToolCallDelta};
use crate::error::{ApiError, Class};
use crate::ids::Ids;
use crate::json::{JsonText, search::split_once};
use crate::responses::event::{self, Carried};
use crate::responses::output::{ItemStatus, OutputItem};
pub(super) use live::Live;

/// What the events around an item take at most, with its place in the output.
const OPEN_ITEM_BYTES: usize = 1 << 10;

/// The forms in which clients get what has more than one.
#[derive(Clone, Copy, Debug)]
pub struct Forms {
    /// Refusals: as refusal parts or as text.
    pub refusal: PartKind,
    /// Reasoning: as summary or raw.
    pub reasoning: ReasoningOutput,
    /// Whether log probabilities were asked for.
    pub logprobs: bool,
}

/// The items of a response.
pub struct Items {
    forms: Forms,
    limits: Limits,
    tools: ToolTable,
    ids: Ids,
    open: VecDeque<Item>,
    /// Finished items, JSON separated by commas, and how many they are.
    finished: Vec<u8>,
    finished_len: usize,
    /// Whether there is more than reasoning.
    answered: bool,
    output_bytes: usize,
    argument_bytes: usize,
    calls: usize,
    /// Slots of calls that are finished.
    finished_slots: Vec<usize>,
    call_ids: Vec<JsonText<'static>>,
    reasoning_field: Option<&'static str>,
    /// Log probabilities of the text that comes next, as list elements.
    logprobs: Vec<u8>,
}

#[derive(Debug)]
enum Item {
    Call(Call),
    Message(Message),
    Reasoning(Reasoning),
}

impl Items {
    /// No items yet.
    pub fn new(forms: Forms, limits: Limits, tools: ToolTable, ids: Ids) -> Self {
        Self {
            forms,
            limits,
            tools,
            ids,
            open: VecDeque::new(),
            finished: Vec::new(),
            finished_len: 0,
            answered: false,
            output_bytes: 0,
            argument_bytes: 0,
            calls: 0,
            finished_slots: Vec::new(),
            call_ids: Vec::new(),
            reasoning_field: None,
            logprobs: Vec::new(),
        }
    }

    /// The finished items: JSON, separated by commas.
    pub fn finished(&self) -> &[u8] {
        &self.finished
    }

    /// What the items still put out when they end now, at most. Text does so up to four times: in its done
    /// events and in the output.
    pub fn ending_bytes_max(&self) -> usize {
        4 * self.output_bytes + OPEN_ITEM_BYTES * self.open.len() + 2 * self.finished.len()
    }

    /// Whether there is any item at all.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.finished_len == 0
    }

    /// Whether there is more than reasoning.
    pub fn has_answer(&self) -> bool {
        self.answered || self.open.iter().any(|item| !matches!(item, Item::Reasoning(_)))
    }

    /// News for the items. What is no content is ignored.
    ///
    /// # Errors
    /// When a limit is exceeded or the upstream contradicts itself.
    pub fn delta(&mut self, delta: Delta<'_>, sink: &mut Sink<'_>) -> Result<(), ApiError> {
        match delta {
            Delta::Text(text) => self.text(PartKind::Text, &text, sink)?,
            Delta::Refusal(text) => self.text(self.forms.refusal, &text, sink)?,
            Delta::Reasoning(text) => {
                self.count(text.len())?;
                self.reasoning(sink)?.push(&text, sink);
            }
            Delta::ReasoningDetail(detail) => {
                self.count(detail.len())?;
                self.reasoning(sink)?.envelope.details.push(detail.to_owned());
            }
            Delta::ReasoningField(field) => self.reasoning_field = Some(field),
            Delta::ToolCall(piece) => self.tool_call(piece, sink)?,
            Delta::Annotation(annotation) => {
                self.count(annotation.len())?;
                if let Some(Item::Message(message)) = self.open.back_mut() {
                    message.annotate(annotation, sink);
                }
            }
            Delta::Logprobs(list) => {
                if self.forms.logprobs {
                    self.count(list.len())?;
                    append_elements(&logprobs::elements(list), &mut self.logprobs);
                }
            }
            Delta::Image(image) => self.image(&image, sink)?,
            Delta::Model(_)
            | Delta::ServiceTier(_)
            | Delta::Finish(_)
            | Delta::Usage(_)
            | Delta::Failed(_) => {}
        }
        Ok(())
    }

    fn text(
        &mut self,
        kind: PartKind,
        text: &JsonText<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), ApiError> {
        self.count(text.len())?;
        if !matches!(self.open.back(), Some(Item::Message(_))) {
            self.push(Item::Message(Message::default()), sink)?;
        }
        let logprobs = std::mem::take(&mut self.logprobs);
        if let Some(Item::Message(message)) = self.open.back_mut() {
            message.push(kind, text, &logprobs, sink);
        }
        Ok(())
    }

    /// The reasoning item that takes what comes now.
    fn reasoning(&mut self, sink: &mut Sink<'_>) -> Result<&mut Reasoning, ApiError> {
        if !matches!(self.open.back(), Some(Item::Reasoning(_))) {
            self.push(Item::Reasoning(Reasoning::new(self.forms.reasoning)), sink)?;
        }
        match self.open.back_mut() {
            Some(Item::Reasoning(reasoning)) => Ok(reasoning),
            _ => Err(internal("reasoning has no item")),
        }
    }

    #[inline(never)]
    fn tool_call(&mut self, piece: ToolCallDelta<'_>, sink: &mut Sink<'_>) -> Result<(), ApiError> {
        let slot = piece.slot;
        self.count(piece.arguments.len())?;
        self.argument_bytes += piece.arguments.len();
        if self.argument_bytes > self.limits.arguments_bytes_max {
            return Err(limit("tool call arguments", "arguments_bytes_max"));
        }
        if self.finished_slots.contains(&slot) {
            // The call has been executed: what comes now can only be noise or a contradiction.
            return if piece.arguments.decode().trim().is_empty() {
                Ok(())
            } else {
                Err(ApiError::new(
                    Class::Server,
                    "The upstream sent more arguments for a tool call that was complete.",
                ))
            };
        }
        let is_slot = |item: &Item| matches!(item, Item::Call(call) if call.slot() == slot);
        if !self.open.iter().any(is_slot) {
            self.calls += 1;
            if self.calls > self.limits.tool_calls_max {
                return Err(limit("tool calls", "tool_calls_max"));
            }
            let call_id = self.call_id(piece.id.as_ref());
            self.push(Item::Call(Call::new(slot, call_id)), sink)?;
        }
        if let Some(Item::Call(call)) = self.open.iter_mut().find(|item| is_slot(item)) {
            call.push(piece);
        }
        self.settle(sink)
    }

    /// A call id for the client: the upstream's, unless it has none or has used it before.
    fn call_id(&mut self, id: Option<&JsonText<'_>>) -> JsonText<'static> {
        let call_id = match id.filter(|id| !id.is_empty()) {
            None => JsonText::encode(&self.ids.next("call")).into_owned(),
            Some(id) if !self.call_ids.contains(&id.clone().into_owned()) => {
                id.clone().into_owned()
            }
            Some(id) => {
                let mut unique = id.clone().into_owned();
                unique.push_decoded(&format!("_{}", self.call_ids.len()));
                unique
            }
        };
        self.call_ids.push(call_id.clone());
        call_id
    }

    #[inline(never)]
    fn image(&mut self, image: &JsonText<'_>, sink: &mut Sink<'_>) -> Result<(), ApiError> {
        let url = image.decode();
        let Some((_, base64)) = url.strip_prefix("data:").and_then(|u| split_once(u, ";base64,"))
        else {
            // The API has no place for the address of an image, only for its bytes.
            return self.text(PartKind::Text, &JsonText::encode(&format!("![image]({url})")), sink);
        };
        self.count(base64.len())?;
        self.close_all(sink)?;
        let (id, output_index) = (self.ids.next("ig"), self.finished_len);
        let (status, result) = (ItemStatus::InProgress, None);
        let added = &OutputItem::ImageGenerationCall { id: &id, status, result };
        sink.emit(&event::OutputItemAdded { output_index, item: added });
        let (status, result, mut item) =
            (ItemStatus::Completed, Some(&JsonText::encode(base64)), Vec::new());
        OutputItem::ImageGenerationCall { id: &id, status, result }.write(&mut item);
        sink.emit(&event::OutputItemDone { output_index, item: &item });
        self.finish(&item);
        self.answered = true;
        Ok(())
    }

    /// Puts an item behind the others; the one before it is finished if it can be.
    fn push(&mut self, item: Item, sink: &mut Sink<'_>) -> Result<(), ApiError> {
        self.open.push_back(item);
        // An item of one letter takes a kilobyte, and an upstream may send a new one with each.
        if self.finished_len + self.open.len() > 4 * self.limits.tool_calls_max {
            return Err(limit("items", "tool_calls_max"));
        }
        self.settle(sink)
    }

    /// Finishes items that others wait for, and makes the first of those live.
    fn settle(&mut self, sink: &mut Sink<'_>) -> Result<(), ApiError> {
        loop {
            self.announce(sink)?;
            let len = self.open.len();
            let is_whole = match self.open.front_mut() {
                Some(Item::Call(call)) => len > 1 && call.is_object(),
                // Text stays open until the client may hear of what follows: should that be a call
                // that is cut before it has a name, the text is what was cut.
                Some(Item::Message(_) | Item::Reasoning(_)) => match self.open.get_mut(1) {
                    Some(Item::Call(call)) => {
                        call.can_open(&self.tools) || len > 2 && call.is_object()
                    }
                    Some(Item::Message(_) | Item::Reasoning(_)) => true,
                    None => false,
                },
                None => false,
            };
            if !is_whole {
                return Ok(());
            }
            self.close_first(ItemStatus::Completed, sink)?;
        }
    }

    /// Tells the client about the first item, as far as that may be told.
    fn announce(&mut self, sink: &mut Sink<'_>) -> Result<(), ApiError> {
        self.carry_extra(sink);
        let index = self.finished_len;
        match self.open.front_mut() {
            Some(Item::Call(call)) => call.advance(&self.tools, index, &mut self.ids, sink),
            Some(Item::Message(message)) => message.announce(index, &mut self.ids, sink),
            Some(Item::Reasoning(reasoning)) => reasoning.announce(index, &mut self.ids, sink),
            None => {}
        }
        Ok(())
    }

    /// Opaque members of a call travel in a reasoning item of their own, before the call if they
    /// came in time, otherwise behind it (see [`Self::close_first`]).
    fn carry_extra(&mut self, sink: &mut Sink<'_>) {
        let Some(Item::Call(call)) = self.open.front_mut() else { return };
        if call.is_opened() {
            return;
        }
        if let Some(extra) = call.take_extra() {
            let call_id = call.call_id().decode().into_owned();
            self.carrier(call_id, extra, sink);
        }
    }

    fn carrier(&mut self, call_id: String, extra: String, sink: &mut Sink<'_>) {
        let mut carrier = Reasoning::new(self.forms.reasoning);
        carrier.envelope.calls.push((call_id, extra));
        carrier.announce(self.finished_len, &mut self.ids, sink);
        let item = carrier.close(ItemStatus::Completed, sink);
        self.finish(&item);
    }

    fn close_first(&mut self, status: ItemStatus, sink: &mut Sink<'_>) -> Result<(), ApiError> {
        self.announce(sink)?;
        match self.open.pop_front() {
            Some(Item::Call(mut call)) => {
                let slot = call.slot();
                let late =
                    call.take_extra().map(|extra| (call.call_id().decode().into_owned(), extra));
                let Closed { item, .. } =
                    call.close(&self.tools, self.finished_len, &mut self.ids, sink)?;
                self.finished_slots.push(slot);
                self.answered = true;
                self.finish(&item);
                if let Some((call_id, extra)) = late {
                    self.carrier(call_id, extra, sink);
                }
            }
            Some(Item::Message(message)) => {
                let item = message.close(status, sink);
                self.answered = true;
                self.finish(&item);
            }
            Some(Item::Reasoning(mut reasoning)) => {
                reasoning.envelope.field = self.reasoning_field.map(str::to_owned);
                let item = reasoning.close(status, sink);
                self.finish(&item);
            }
            None => {}
        }
        Ok(())
    }

    /// Finishes everything: the answer is whole.
    ///
    /// # Errors
    /// When a call turns out not to be one that anybody may run.
    pub fn close_all(&mut self, sink: &mut Sink<'_>) -> Result<(), ApiError> {
        while !self.open.is_empty() {
            self.close_first(ItemStatus::Completed, sink)?;
        }
        Ok(())
    }

    /// Finishes what a limit or a filter has left. An open message or reasoning is closed as
    /// incomplete; an open call stays open, because whoever hears of its end runs it.
    ///
    /// # Errors
    /// As [`Self::close_all`].
    pub fn cut(&mut self, sink: &mut Sink<'_>) -> Result<(), ApiError> {
        match self.open.front() {
            None => {}
            Some(Item::Message(_) | Item::Reasoning(_)) => {
                self.close_first(ItemStatus::Incomplete, sink)?;
            }
            Some(Item::Call(_)) => {
                if let Some(Item::Call(call)) = self.open.pop_front()
                    && let Some(Closed { item, .. }) = call.cut()
                {
                    self.finish(&item);
                }
            }
        }
        self.open.clear();
        Ok(())
    }

    fn finish(&mut self, item: &[u8]) {
        append_elements(item, &mut self.finished);
        self.finished_len += 1;
    }
}

fn limit(what: &str, field: &str) -> ApiError {
    ApiError::new(
        Class::Server,
        format!("The upstream's answer has more {what} than limits.{field} of the filter allows."),
    )
}

fn internal(what: &str) -> ApiError {
    ApiError::new(Class::Server, format!("The filter lost track of the answer: {what}."))
}
