//! The JOSE layer against what others wrote, and against mechanical damage.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot set itself up fails")]

mod support;
mod vectors;
