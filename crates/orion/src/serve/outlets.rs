//! Where publications go.

use crate::api::Board;
use crate::handover::Relay;
use anyhow::{Context as _, Result};
use gateway::Publisher;
use hub::Publication;
use std::sync::Arc;

/// The clients of this process, and those that the process before it still has.
#[derive(Debug)]
pub(super) struct Outlets {
    publisher: Publisher,
    relay: Option<Relay>,
    /// What is told to those who ask.
    board: Arc<Board>,
}

impl Outlets {
    pub(super) fn new(publisher: Publisher, relay: Option<Relay>, board: Arc<Board>) -> Self {
        Self {
            publisher,
            relay,
            board,
        }
    }

    /// # Errors
    /// When the gateway has ended.
    pub(super) async fn publish(&mut self, publication: Publication) -> Result<()> {
        if let Some(relay) = &self.relay
            && let Err(reason) = relay.pass_on(&publication)
        {
            tracing::info!("nothing more is passed on to the process before: {reason:#}");
            self.relay = None;
        }
        self.board.hear(&publication);
        self.publisher.publish(publication).await.context("publish")
    }

    /// Ready once nothing can be published any more.
    pub(super) async fn stopped(&self) {
        self.publisher.stopped().await;
    }

    /// Waits until there is no process before this one any more.
    pub(super) async fn alone(&mut self) {
        if let Some(relay) = &self.relay {
            relay.ended().await;
            self.relay = None;
        }
    }
}
