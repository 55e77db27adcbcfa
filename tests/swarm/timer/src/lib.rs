//! Timers as libp2p asks for them, on the runtime's clock.
//!
//! Stands in for the crate of the same name, which has a thread and a clock of its own: under simulated time its timers
//! never fire. Has of that crate's interface what libp2p uses, and no more.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// A future that is ready when a time has passed.
#[derive(Debug)]
pub struct Delay {
    sleep: Pin<Box<Sleep>>,
}

impl Delay {
    /// Ready after `delay` from now on.
    pub fn new(delay: Duration) -> Self {
        Self {
            sleep: Box::pin(sleep(delay)),
        }
    }

    /// Ready after `delay` from now on, whatever it waited for before.
    pub fn reset(&mut self, delay: Duration) {
        self.sleep.as_mut().reset(Instant::now() + delay);
    }
}

impl Future for Delay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timer_fires_when_virtual_time_has_passed_and_can_be_set_again() {
        let started = Instant::now();
        let mut timer = Delay::new(Duration::from_hours(1));
        (&mut timer).await;
        assert_eq!(started.elapsed(), Duration::from_hours(1));
        timer.reset(Duration::from_secs(1));
        timer.await;
        assert_eq!(
            started.elapsed(),
            Duration::from_hours(1) + Duration::from_secs(1)
        );
    }
}
