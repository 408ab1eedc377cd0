//! The plugin configuration: JSON on the wire, YAML where people write it.
//!
//! | module | what it is for |
//! |---|---|
//! | [`authorization`] | policies, roles, services and endpoints as people write them |
//! | [`decode`] | reading JSON values into wire types, with every fault at once |

pub mod authorization;
pub mod decode;
