//! How this node does: processor load and memory, read from `/proc`.
//!
//! What cannot be read counts as zero: a node is not stopped by its own thermometer.

use std::fs;

use hms_consensus::input::Vitals;

/// Bytes of one page of memory, as `/proc/self/statm` counts it.
const PAGE_BYTES: u64 = 4_096;

/// Measures the node, remembering the counters of the time before.
#[derive(Debug, Default)]
pub struct Thermometer {
    busy: u64,
    total: u64,
}

impl Thermometer {
    /// Measures; `lag_ms` is what the loop measured of itself.
    pub fn measure(&mut self, lag_ms: u32) -> Vitals {
        Vitals {
            load_permille: self.load_permille(),
            lag_ms,
            memory_bytes: resident_bytes(),
        }
    }

    /// Share of all processors that was busy since the time before, in thousandths.
    fn load_permille(&mut self) -> u32 {
        let Some((busy, total)) = processor_ticks() else {
            return 0;
        };
        let busy_since = busy.saturating_sub(self.busy);
        let total_since = total.saturating_sub(self.total);
        (self.busy, self.total) = (busy, total);
        let permille = busy_since
            .saturating_mul(1_000)
            .checked_div(total_since)
            .unwrap_or(0);
        u32::try_from(permille.min(1_000)).unwrap_or(1_000)
    }
}

/// Busy and total processor time since boot, from the first line of `/proc/stat` (proc(5)).
fn processor_ticks() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .map_while(|word| word.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal; guest time is counted in user already.
    let counted = ticks.get(..8)?;
    let total: u64 = counted.iter().sum();
    let idle = counted[3] + counted[4];
    Some((total.saturating_sub(idle), total))
}

/// Resident memory of this process, from the second field of `/proc/self/statm` (proc(5)).
pub fn resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .unwrap_or(0);
    pages * PAGE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_has_memory_and_a_load_within_bounds() {
        let mut thermometer = Thermometer::default();
        thermometer.measure(0);
        let vitals = thermometer.measure(7);
        assert!(vitals.memory_bytes > 1024 * 1024);
        assert!(vitals.load_permille <= 1_000);
        assert_eq!(vitals.lag_ms, 7);
    }
}
