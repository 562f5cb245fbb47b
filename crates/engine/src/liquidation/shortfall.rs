//! A debt divided among many, exactly to the unit.

/// One who bears a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bearer {
    /// Its part is in proportion to this.
    pub weight: i64,
    /// It bears no more than this.
    pub most: i64,
}

/// Divides `total` in proportion to the weights, nobody above its most: parts round down, what is left is divided again
/// among those below their most, and the last units go one each, in order. The parts sum to `total`, or to all of the
/// mosts of those with a weight.
pub(super) fn divide(total: i64, bearers: &[Bearer]) -> Vec<i64> {
    let mut parts = vec![0; bearers.len()];
    let mut left = total.max(0);
    loop {
        let open = |parts: &[i64]| {
            let below = |&at: &usize| bearers[at].weight > 0 && parts[at] < bearers[at].most;
            (0..bearers.len()).filter(below).collect::<Vec<_>>()
        };
        let able = open(&parts);
        let weights: i128 = able.iter().map(|&at| i128::from(bearers[at].weight)).sum();
        if left == 0 || weights == 0 {
            return parts;
        }
        let round = left;
        for &at in &able {
            // At most `round`, which is 64 bits.
            let share = (i128::from(round) * i128::from(bearers[at].weight) / weights) as i64;
            let part = share.min(bearers[at].most - parts[at]);
            parts[at] += part;
            left -= part;
        }
        if left == round {
            for &at in able.iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
                parts[at] += 1;
                left -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearers(list: &[(i64, i64)]) -> Vec<Bearer> {
        list.iter().map(|&(weight, most)| Bearer { weight, most }).collect()
    }

    #[test]
    fn parts_are_in_proportion_and_sum_to_the_total() {
        let parts = divide(100, &bearers(&[(1, 1_000), (1, 1_000), (1, 1_000)]));
        assert_eq!(parts, [34, 33, 33]);
        assert_eq!(divide(7, &bearers(&[(5, 9), (2, 9)])), [5, 2]);
    }

    #[test]
    fn what_one_cannot_bear_goes_to_the_others() {
        assert_eq!(divide(100, &bearers(&[(9, 10), (1, 1_000)])), [10, 90]);
        assert_eq!(divide(100, &bearers(&[(9, 10), (1, 20)])), [10, 20]);
    }

    #[test]
    fn nobody_bears_anything_without_weight_or_room() {
        assert_eq!(divide(100, &bearers(&[(0, 10), (5, 0), (5, -3)])), [0, 0, 0]);
        assert_eq!(divide(0, &bearers(&[(1, 10)])), [0]);
        assert_eq!(
            divide(i64::MAX, &bearers(&[(i64::MAX, i64::MAX), (1, i64::MAX)])).iter().sum::<i64>(),
            i64::MAX
        );
    }
}
