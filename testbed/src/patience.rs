//! Waiting for another process, always with an end.

use std::time::{Duration, Instant};

/// How often a condition in another process is looked at.
const INTERVAL: Duration = Duration::from_millis(10);

/// Asks until there is an answer, or until `limit` has passed (then `None`).
pub fn wait_for<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_the_wait_and_no_answer_ends_it_at_the_limit() {
        let mut left = 3;
        let answer = wait_for(Duration::from_secs(5), || {
            left -= 1;
            (left == 0).then_some("there")
        });
        assert_eq!(answer, Some("there"));
        assert_eq!(wait_for(Duration::from_millis(20), || None::<()>), None);
    }
}
