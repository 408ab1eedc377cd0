//! One accepted configuration, and how requests are decided under it.

use crate::channel::Channel;
use crate::connection::{Connection, Connections};
use crate::host::LogLevel;
use crate::host::calls;
use crate::key_fetches::KeyFetches;
use crate::properties::Properties;
use countersign_core::chain::Head;
use countersign_core::config::{self, Config};
use countersign_core::engine::Engine;
use countersign_core::event::Caps;
use std::cell::RefCell;
use std::rc::Rc;

/// What a root context decides by.
pub(crate) struct Generation {
    /// Identity and authorization.
    pub(crate) engine: Engine,
    /// Where the evidence goes.
    pub(crate) channel: Rc<RefCell<Channel>>,
    /// What connections showed.
    pub(crate) connections: Connections,
    /// Fetches of keys, and who waits for them.
    pub(crate) key_fetches: KeyFetches,
    /// What the host calls what it tells.
    pub(crate) properties: &'static Properties,
    /// How much a line may carry.
    pub(crate) caps: Caps,
    /// How often the root is called back.
    pub(crate) tick: std::time::Duration,
}

/// The channels of this worker, found by what their evidence is and where it goes.
#[derive(Default)]
pub(crate) struct Channels(Vec<(Head, Rc<RefCell<Channel>>)>);

impl Channels {
    fn find_or_open(&mut self, config: &Config) -> Rc<RefCell<Channel>> {
        let key = config.audit.destination;
        if let Some((_, channel)) = self.0.iter().find(|(candidate, _)| *candidate == key) {
            return Rc::clone(channel);
        }
        let channel = Rc::new(RefCell::new(Channel::new(&config.audit, &config.service, config.host.word())));
        self.0.push((key, Rc::clone(&channel)));
        channel
    }

    /// Forgets a channel that nobody uses any more.
    pub(crate) fn forget(&mut self, channel: &Rc<RefCell<Channel>>) {
        self.0.retain(|(_, candidate)| !Rc::ptr_eq(candidate, channel));
    }
}

impl Generation {
    /// Reads a configuration. Every fault goes to the log; whether it is accepted depends on its bytes alone, so that all
    /// workers answer alike: Envoy serves unfiltered traffic where one worker refuses what another accepted.
    pub(crate) fn accept(text: &[u8], channels: &mut Channels) -> Option<Self> {
        match config::parse(text) {
            Ok(config) => Some(Self::start(config, channels)),
            Err(faults) => {
                for fault in &faults {
                    calls::log(LogLevel::Error, format!("countersign: configuration refused: {fault}"));
                }
                None
            }
        }
    }

    /// What the connection of the request shows that the host is about.
    pub(crate) fn current_connection(&mut self) -> Rc<Connection> {
        self.connections.current(self.properties)
    }

    fn start(config: Config, channels: &mut Channels) -> Self {
        let channel = channels.find_or_open(&config);
        let caps = if config.host == config::Host::Envoy { Caps::FULL } else { Caps::SHORT };
        let properties = Properties::of(config.host);
        let (config_digest, tick) = (config.digest, config.audit.tick());
        let engine = Engine::new(config);
        if let Ok(mut channel) = channel.try_borrow_mut() {
            channel.attach(config_digest, engine.policy_digest());
        }
        let (connections, key_fetches) = (Connections::default(), KeyFetches::default());
        Self { engine, channel, connections, key_fetches, properties, caps, tick }
    }
}
