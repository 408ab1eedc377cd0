//! The JOSE layer against what others wrote, and against mechanical damage.

mod support;
mod vectors;
