//! Multiples of a fixed point, so that multiplying it by a number takes 43 additions and no doubling.

use super::field::{LIMB_BITS, LIMBS};
use super::point::{AffinePoint, Point, Sum, normalized};

/// The bits of a digit.
const WINDOW_BITS: u32 = 6;
/// How many digits a number of up to 257 bits has.
const WINDOWS: usize = 43;
/// The largest magnitude of a digit: digits are signed, from -31 to 32.
const LARGEST_DIGIT: i32 = 1 << (WINDOW_BITS - 1);

/// For each digit's place i and each magnitude d, the point times d 2^(6 i): 99,072 bytes.
#[derive(Debug, Clone)]
pub(super) struct Table {
    windows: Vec<Vec<AffinePoint>>,
}

impl Table {
    pub(super) fn new(point: AffinePoint) -> Self {
        let bases = normalized(&window_bases(point));
        let multiples: Vec<_> = bases.iter().flat_map(window_multiples).collect();
        let windows = normalized(&multiples).chunks(LARGEST_DIGIT as usize).map(<[_]>::to_vec).collect();
        Self { windows }
    }

    /// Adds the point times `scalar` to `sum`.
    pub(super) fn add_multiple(&self, scalar: [u32; LIMBS], sum: &mut Sum) {
        for (window, digit) in self.windows.iter().zip(digits(scalar)) {
            let magnitude = digit.unsigned_abs() as usize;
            let Some(multiple) = magnitude.checked_sub(1).and_then(|index| window.get(index)) else { continue };
            if digit < 0 {
                sum.add(&multiple.negated());
            } else {
                sum.add(multiple);
            }
        }
    }
}

fn window_bases(point: AffinePoint) -> Vec<Point> {
    let shifted = |base: &Point| (0..WINDOW_BITS).fold(*base, |base, _| base.doubled());
    std::iter::successors(Some(Point::from(point)), |base| Some(shifted(base))).take(WINDOWS).collect()
}

/// The first multiples of a point. None is infinity, since its order is a prime far greater.
fn window_multiples(base: &AffinePoint) -> Vec<Point> {
    std::iter::successors(Some(Point::from(*base)), |multiple| multiple.plus(base)).take(LARGEST_DIGIT as usize).collect()
}

/// The signed digits of a number, lowest first.
fn digits(limbs: [u32; LIMBS]) -> impl Iterator<Item = i32> {
    let mut limbs = limbs.into_iter();
    let (mut buffer, mut filled, mut carry) = (0_u64, 0, 0);
    (0..WINDOWS).map(move |_| {
        if filled < WINDOW_BITS {
            buffer |= u64::from(limbs.next().unwrap_or(0)) << filled;
            filled += LIMB_BITS;
        }
        let digit = low_digit(buffer) + carry;
        buffer >>= WINDOW_BITS;
        filled -= WINDOW_BITS;
        carry = i32::from(digit > LARGEST_DIGIT);
        digit - (carry << WINDOW_BITS)
    })
}

#[expect(clippy::cast_possible_truncation, reason = "masked to 6 bits")]
const fn low_digit(buffer: u64) -> i32 {
    buffer as i32 & ((1 << WINDOW_BITS) - 1)
}
