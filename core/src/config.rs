//! The plugin configuration: JSON on the wire, YAML where people write it.
//!
//! | module | what it is for |
//! |---|---|
//! | [`decode`] | reading JSON values into wire types, with every fault at once |

pub mod decode;
