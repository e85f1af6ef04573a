//! [`Change`]: what becomes of a message after it was said.

use std::{collections::BTreeMap, sync::Arc};

use common::{
    Event, EventId,
    event::{MESSAGE_DELETED, MESSAGE_UPDATED},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What an event says that has become of a message.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The message, whose event in the log has the same id.
    pub(crate) of: EventId,
    /// What is left of it, if it was deleted.
    pub(crate) left: Option<Arc<RawValue>>,
}

impl Change {
    /// Reads it from the event, if that is one.
    pub(crate) fn of_event(event: &Event) -> Option<Self> {
        #[derive(Deserialize)]
        struct Changed {
            message: Arc<RawValue>,
        }
        #[derive(Deserialize)]
        struct Named {
            id: EventId,
        }
        if ![MESSAGE_UPDATED, MESSAGE_DELETED].contains(&event.kind.as_str()) {
            return None;
        }
        let Changed { message } = serde_json::from_str(event.data.get()).ok()?;
        let Named { id: of } = serde_json::from_str(message.get()).ok()?;
        Some(Self { of, left: (event.kind == MESSAGE_DELETED).then_some(message) })
    }
}

/// The JSON of an edit of which only this is left.
pub(crate) fn edited(json: &[u8], left: &Arc<RawValue>) -> Option<String> {
    let mut fields: BTreeMap<String, Arc<RawValue>> = serde_json::from_slice(json).ok()?;
    fields.insert("message".to_owned(), left.clone());
    serde_json::to_string(&fields).ok()
}
