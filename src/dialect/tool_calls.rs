//! Which call a piece of a tool call belongs to, and what its name is.
//!
//! Upstreams number calls from 0, from 1, all with 0 or not at all, repeat ids and names in every
//! piece or never send them. The rules below (T1 to T17 of the dialect catalogue) find the call by
//! `index`, else by `id`, else take the last one, and tell a new call from the next piece of an old
//! one. Calls get slots in order of arrival.

mod piece;
mod scan;

use std::borrow::Cow;

use self::piece::Piece;
use self::scan::Scan;
use super::ToolCallDelta;
use super::tool_names::ToolNames;
use crate::chat::response::Function;
use crate::json::JsonText;
use crate::json::document::Value;

/// The tool calls of one answer.
#[derive(Debug)]
pub struct ToolCalls {
    names: ToolNames,
    calls: Vec<Call>,
    /// Slot of the call that got the last piece.
    last: Option<usize>,
    /// Whether a name is held back.
    unsettled: bool,
    /// Slot of the call that got the last list's only piece, if that was arguments alone.
    bare: Option<usize>,
}

#[derive(Debug, Default)]
struct Call {
    /// The upstream's index, if it sends one.
    index: Option<u64>,
    id: Option<JsonText<'static>>,
    /// The name as the upstream spelled it so far.
    name: String,
    /// The name as it was given out.
    said: String,
    arguments: JsonText<'static>,
    scan: Scan,
}

impl ToolCalls {
    /// No calls yet, of these tools.
    pub fn new(names: ToolNames) -> Self {
        Self { names, calls: Vec::new(), last: None, unsettled: false, bare: None }
    }

    /// True before the first call.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// True when no name is held back.
    pub fn is_settled(&self) -> bool {
        !self.unsettled
    }

    /// The slot of the call that the last list continued with one piece of arguments and nothing
    /// else: the next such piece goes there, too.
    pub fn bare(&self) -> Option<usize> {
        self.bare
    }

    /// Adds a piece that continues the call which [`ToolCalls::bare`] has named.
    pub fn append(&mut self, slot: usize, arguments: &JsonText<'_>) {
        if let Some(call) = self.calls.get_mut(slot) {
            call.arguments.push(arguments);
        }
    }

    /// The declared tools.
    pub fn names(&self) -> &ToolNames {
        &self.names
    }

    /// Reads the calls of one delta.
    pub fn read_pieces<'a>(
        &mut self,
        calls: impl Iterator<Item = Value<'a>>,
        sink: &mut dyn FnMut(ToolCallDelta<'_>),
    ) {
        let (mut before, mut pieces, mut bare) = (None, 0, None);
        for call in calls {
            let piece = Piece::of_call(call);
            if piece.is_empty() {
                continue;
            }
            pieces += 1;
            let is_bare = piece.is_bare();
            // What is named apart in one list is a call of its own, though no index says so.
            let sibling = piece.name.is_some() && before == Some(piece.index);
            before = Some(piece.index);
            let slot = if sibling { None } else { self.slot_of(&piece) };
            bare = slot.filter(|_| is_bare);
            self.add(slot, piece, sink);
        }
        self.bare = bare.filter(|_| pieces == 1);
    }

    /// Reads the calls of a whole message. Calls that an earlier, shorter copy of the same message
    /// brought are not read again.
    pub fn read_whole<'a>(
        &mut self,
        calls: impl Iterator<Item = Value<'a>>,
        sink: &mut dyn FnMut(ToolCallDelta<'_>),
    ) {
        for call in calls.skip(self.calls.len()) {
            let piece = Piece::of_call(call);
            if !piece.is_empty() {
                self.add(None, piece, sink);
            }
        }
        self.settle(sink);
    }

    /// Reads `function_call`, the one call of the older API.
    pub fn read_legacy(&mut self, call: &Function<'_>, sink: &mut dyn FnMut(ToolCallDelta<'_>)) {
        let piece = Piece::of_legacy(call);
        if !piece.is_empty() {
            let slot = self.slot_of(&piece);
            self.add(slot, piece, sink);
        }
    }

    /// Adds a call that was found whole in the text.
    pub fn add_whole(
        &mut self,
        id: Option<&str>,
        name: &str,
        arguments: &str,
        sink: &mut dyn FnMut(ToolCallDelta<'_>),
    ) {
        let piece = Piece {
            id: id.map(JsonText::encode),
            name: Some(Cow::Borrowed(name)),
            arguments: Some(JsonText::encode(arguments)),
            ..Piece::default()
        };
        self.add(None, piece, sink);
        self.settle(sink);
    }

    /// Gives out the names that were held back because more of them might have come.
    pub fn settle(&mut self, sink: &mut dyn FnMut(ToolCallDelta<'_>)) {
        if !std::mem::take(&mut self.unsettled) {
            return;
        }
        for (slot, call) in self.calls.iter_mut().enumerate() {
            let name = self.names.resolve(&call.name);
            if name != call.said {
                call.said = name.to_owned();
                sink(ToolCallDelta { slot, name: Some(name.to_owned()), ..Default::default() });
            }
        }
    }

    /// The call that a piece continues; `None` when it begins one.
    fn slot_of(&mut self, piece: &Piece<'_>) -> Option<usize> {
        if piece.index.is_some() {
            let known = self.calls.iter().rposition(|call| call.index == piece.index);
            return match known {
                Some(slot) => self.continued(slot, piece),
                // T15: a fresh index, but nothing that a call begins with.
                None if piece.id.is_none() && piece.name.is_none() => self.last,
                None => self.slot_of_id(piece).filter(|_| piece.name.is_none()),
            };
        }
        match (&piece.id, &piece.name) {
            (Some(_), name) => match self.slot_of_id(piece) {
                Some(slot) => self.continued(slot, piece),
                None => {
                    let slot = self.last?;
                    let last = self.calls.get_mut(slot)?;
                    let nameless = last.id.is_none() && last.name.is_empty();
                    // T3: a new id without a name continues, unless there is nothing to continue.
                    (nameless || (name.is_none() && !last.is_whole())).then_some(slot)
                }
            },
            (None, Some(name)) => self.last.filter(|&last| self.continues_name(last, name, piece)),
            (None, None) => self.last,
        }
    }

    fn slot_of_id(&self, piece: &Piece<'_>) -> Option<usize> {
        self.calls.iter().rposition(|call| call.id.is_some() && call.id == piece.id)
    }

    fn last_call(&self) -> Option<(usize, &Call)> {
        let slot = self.last?;
        Some((slot, self.calls.get(slot)?))
    }

    /// `slot`, unless a piece with the same index or id begins another call (T2, T3, T5).
    fn continued(&mut self, slot: usize, piece: &Piece<'_>) -> Option<usize> {
        let Some(name) = &piece.name else { return Some(slot) };
        let call = self.calls.get_mut(slot)?;
        let other_id = piece.id.is_some() && call.id.is_some() && piece.id != call.id;
        let anew = if other_id {
            // One call whose id changes (GLM-4 server), or a second call? Only the rest of an
            // unfinished call can be told for sure.
            let rest = !call.arguments.is_empty() && call.name == **name && !piece.opens_object();
            !rest || call.is_whole()
        } else {
            !call.name.is_empty()
                && piece.opens_object()
                && piece.arguments.as_ref() != Some(&call.arguments)
                && call.is_whole()
        };
        (!anew).then_some(slot)
    }

    /// Whether a piece with a name, but neither index nor id, belongs to the last call.
    fn continues_name(&mut self, last: usize, name: &str, piece: &Piece<'_>) -> bool {
        let Some(last) = self.calls.get_mut(last) else { return false };
        if last.name.is_empty() {
            return true;
        }
        if !last.arguments.is_empty() {
            return last.name == name && !piece.opens_object() && !last.is_whole();
        }
        let said_again = last.name == name;
        let joined = format!("{}{name}", last.name);
        said_again || self.is_declared(&joined) || self.names.may_grow(&joined)
    }

    fn is_declared(&self, name: &str) -> bool {
        self.names.declares(self.names.resolve(name))
    }

    /// Adds a piece to the call at `slot`, or to a new one.
    fn add(
        &mut self,
        slot: Option<usize>,
        piece: Piece<'_>,
        sink: &mut dyn FnMut(ToolCallDelta<'_>),
    ) {
        self.bare = None;
        let slot = slot.unwrap_or_else(|| {
            self.calls.push(Call { index: piece.index, ..Call::default() });
            self.calls.len() - 1
        });
        if self.unsettled
            && self
                .last_call()
                .is_some_and(|(last, call)| last != slot && !call.arguments.is_empty())
        {
            self.settle(sink);
        }
        self.last = Some(slot);
        if let Some(name) = &piece.name {
            self.add_name(slot, name);
        }
        let named = piece.name.is_some() || self.unsettled;
        let Some(call) = self.calls.get_mut(slot) else { return };
        let mut delta = ToolCallDelta { slot, extra: piece.extra.as_deref(), ..Default::default() };
        if call.id.is_none() {
            call.id = piece.id.clone().map(JsonText::into_owned);
            delta.id = piece.id;
        }
        // T13: some repeat the whole call in the last chunk.
        let repeated = piece.name.is_some()
            && piece.arguments.as_ref().is_some_and(|all| *all == call.arguments)
            && call.is_whole();
        if let Some(arguments) = piece.arguments.filter(|_| !repeated) {
            call.arguments.push(&arguments);
            delta.arguments = arguments;
        }
        if named {
            delta.name = self.name_news(slot);
        }
        let news = delta.id.is_some() || delta.name.is_some() || delta.extra.is_some();
        if news || !delta.arguments.is_empty() {
            sink(delta);
        }
    }

    /// T7: names come whole, whole again with every piece, or in pieces.
    fn add_name(&mut self, slot: usize, name: &str) {
        let Some(call) = self.calls.get(slot) else { return };
        let joined = format!("{}{name}", call.name);
        let said_again = call.name == name
            || (!call.name.is_empty() && self.is_declared(&call.name) && self.is_declared(name));
        let grown =
            name.starts_with(&call.name) && self.is_declared(name) && !self.is_declared(&joined);
        let name = match (said_again, grown) {
            (true, _) => return,
            (_, true) => name.to_owned(),
            _ => joined,
        };
        if let Some(call) = self.calls.get_mut(slot) {
            call.name = name;
        }
    }

    /// The name of a call, once it is known in full and if it has not been given out.
    fn name_news(&mut self, slot: usize) -> Option<String> {
        let call = self.calls.get_mut(slot)?;
        let name = self.names.resolve(&call.name);
        if name == call.said {
            return None;
        }
        let known =
            self.names.declares(name) && (!self.names.may_grow(name) || !call.arguments.is_empty());
        if !known {
            self.unsettled = true;
            return None;
        }
        call.said = name.to_owned();
        Some(name.to_owned())
    }
}

impl Call {
    /// True when the arguments so far are one JSON object. Reads only what is new since the last
    /// time: some upstreams repeat the name in every piece, and each time the question is asked.
    fn is_whole(&mut self) -> bool {
        let Self { arguments, scan, .. } = self;
        if let Some(new) = arguments.after(scan.read) {
            scan.push(&new.decode());
        }
        scan.read = arguments.len();
        scan.is_whole()
    }
}
