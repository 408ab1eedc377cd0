//! Numbers modulo n, the order of P-256, as far as verifying a signature needs them.

use super::field::{LIMB_BITS, LIMB_MASK, LIMBS, limbs};
use std::cmp::Ordering;

/// n as big-endian bytes.
const ORDER_BYTES: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e,
    0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// n in limbs of 29 bits.
const ORDER: [u32; LIMBS] =
    [0x1c63_2551, 0x1dce_5617, 0x5e7_a13c, 0xdf5_5b4e, 0x1fff_fbce, 0x1fff_ffff, 0x3_ffff, 0x1fe0_0000, 0xff_ffff];
/// -1/n modulo 2^29.
const ORDER_FACTOR: u32 = 0xe00_bc4f;
/// 2^271 mod n: see [`Inverse::times`].
const POWER_271: [u32; LIMBS] = [0xd57_8000, 0x14f4_0e73, 0xf61_88c6, 0x1258_e861, 0x218_c82a, 0, 0, 0x1fff_fff0, 0x7f];
/// p - n: what may be added to a number below it, so that the sum is still below p and the same modulo n.
const MODULUS_MINUS_ORDER: [u8; 32] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x43, 0x19, 0x05, 0x53, 0x58, 0xe8, 0x61, 0x7b, 0x0c, 0x46, 0x35, 0x3d, 0x03,
    0x9c, 0xda, 0xae,
];

/// A number from 1 to n - 1: half a signature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scalar {
    bytes: [u8; 32],
}

/// The inverse of a scalar modulo n, times 2^251.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inverse([u32; LIMBS]);

impl Scalar {
    /// Reads 32 big-endian bytes; none where they write zero, or n or more.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let in_range = *bytes < ORDER_BYTES && bytes.iter().any(|&byte| byte != 0);
        in_range.then_some(Self { bytes: *bytes })
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// `self + n`, if that is still below p: the other x that a point may have for this number.
    pub(super) fn plus_order(&self) -> Option<[u32; LIMBS]> {
        if self.bytes >= MODULUS_MINUS_ORDER {
            return None;
        }
        let mut carry = 0;
        let mut sum = limbs(&self.bytes);
        for (limb, order) in sum.iter_mut().zip(ORDER) {
            carry += *limb + order;
            *limb = carry & LIMB_MASK;
            carry >>= LIMB_BITS;
        }
        Some(sum)
    }

    /// The inverse modulo n: Kaliski's almost inverse, then out of the power of two that it leaves.
    pub(super) fn inverted(&self) -> Inverse {
        let (almost, power) = almost_inverse(Wide::from_bytes(&self.bytes));
        Inverse(montgomery(&almost.limbs(), &power_of_two(512_u32.saturating_sub(power))))
    }
}

impl Inverse {
    /// The inverse times the number of 32 big-endian bytes, modulo n and below 2^257.
    ///
    /// 2^251 from the inverse and 2^10 from the number, which went through 2^271 / 2^261, make up for the radix.
    pub(super) fn times(&self, bytes: &[u8; 32]) -> [u32; LIMBS] {
        montgomery(&self.0, &montgomery(&limbs(bytes), &POWER_271))
    }
}

/// The product over 2^261 modulo n, below n + ab / 2^261.
fn montgomery(a: &[u32; LIMBS], b: &[u32; LIMBS]) -> [u32; LIMBS] {
    let mut columns = [0_u64; 2 * LIMBS];
    for (shift, &a) in a.iter().enumerate() {
        add_product(&mut columns, shift, a, b);
    }
    for shift in 0..LIMBS {
        let lowest = columns.get(shift).copied().unwrap_or(0);
        let factor = low_limb(lowest).wrapping_mul(ORDER_FACTOR) & LIMB_MASK;
        add_product(&mut columns, shift, factor, &ORDER);
        if let Some([cleared, next, ..]) = columns.get_mut(shift..) {
            *next += *cleared >> LIMB_BITS;
        }
    }
    let mut result = [0; LIMBS];
    let mut carry = 0;
    for (limb, column) in result.iter_mut().zip(columns.iter().skip(LIMBS)) {
        carry += column;
        *limb = low_limb(carry);
        carry >>= LIMB_BITS;
    }
    result
}

fn add_product(columns: &mut [u64], shift: usize, a: u32, b: &[u32; LIMBS]) {
    for (column, &b) in columns.iter_mut().skip(shift).zip(b) {
        *column += u64::from(a) * u64::from(b);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "masked to 29 bits")]
const fn low_limb(column: u64) -> u32 {
    column as u32 & LIMB_MASK
}

fn power_of_two(exponent: u32) -> [u32; LIMBS] {
    let mut limbs = [0; LIMBS];
    if let Some(limb) = limbs.get_mut((exponent / LIMB_BITS) as usize) {
        *limb = 1 << (exponent % LIMB_BITS);
    }
    limbs
}

/// For odd n and a number a from 1 to n - 1: x with a x = 2^k modulo n, and k, which is from 256 to 512 (Kaliski 1995).
///
/// Its invariant: u r' = -2^k and v s' = 2^k modulo n, in the signs that the loop gives them.
fn almost_inverse(number: Wide) -> (Wide, u32) {
    let (mut u, mut v) = (Wide::from_bytes(&ORDER_BYTES), number);
    let (mut r, mut s) = (Wide::ZERO, Wide::ONE);
    let mut power = v.shift_out_zeros();
    loop {
        match u.compare(&v) {
            Ordering::Greater => {
                u.subtract(&v);
                r.add(&s);
                let zeros = u.shift_out_zeros();
                s.shift_left(zeros);
                power += zeros;
            }
            Ordering::Less => {
                v.subtract(&u);
                s.add(&r);
                let zeros = v.shift_out_zeros();
                r.shift_left(zeros);
                power += zeros;
            }
            Ordering::Equal => break,
        }
    }
    // One more step takes v to zero, and doubles r.
    r.shift_left(1);
    let order = Wide::from_bytes(&ORDER_BYTES);
    if r.compare(&order) != Ordering::Less {
        r.subtract(&order);
    }
    let mut result = order;
    result.subtract(&r);
    (result, power + 1)
}

/// A number of up to 320 bits, lowest word first.
#[derive(Debug, Clone, Copy)]
struct Wide([u64; 5]);

impl Wide {
    const ZERO: Self = Self([0; 5]);
    const ONE: Self = Self([1, 0, 0, 0, 0]);

    fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut words = [0; 5];
        for (word, bytes) in words.iter_mut().zip(bytes.rchunks(8)) {
            *word = bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
        }
        Self(words)
    }

    fn limbs(&self) -> [u32; LIMBS] {
        let mut limbs = [0; LIMBS];
        let mut words = self.0.into_iter();
        let (mut buffer, mut filled) = (0_u128, 0);
        for limb in &mut limbs {
            if filled < LIMB_BITS {
                buffer |= u128::from(words.next().unwrap_or(0)) << filled;
                filled += 64;
            }
            *limb = low_limb((buffer & u128::from(LIMB_MASK)) as u64);
            buffer >>= LIMB_BITS;
            filled -= LIMB_BITS;
        }
        limbs
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }

    fn add(&mut self, other: &Self) {
        let mut carry = false;
        for (word, other) in self.0.iter_mut().zip(other.0) {
            let (sum, over) = word.overflowing_add(other);
            let (sum, again) = sum.overflowing_add(u64::from(carry));
            *word = sum;
            carry = over | again;
        }
    }

    fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        for (word, other) in self.0.iter_mut().zip(other.0) {
            let (rest, under) = word.overflowing_sub(other);
            let (rest, again) = rest.overflowing_sub(u64::from(borrow));
            *word = rest;
            borrow = under | again;
        }
    }

    fn shift_left(&mut self, bits: u32) {
        for _ in 0..bits / 32 {
            self.shift_left_less_than_a_word(32);
        }
        self.shift_left_less_than_a_word(bits % 32);
    }

    fn shift_left_less_than_a_word(&mut self, bits: u32) {
        if bits == 0 {
            return;
        }
        let mut lower = 0;
        for word in &mut self.0 {
            let carried = *word >> (64 - bits);
            *word = *word << bits | lower;
            lower = carried;
        }
    }

    /// Shifts right until the number is odd, and says by how many bits. The number is not zero.
    fn shift_out_zeros(&mut self) -> u32 {
        let mut shifted = 0;
        loop {
            let [lowest, ..] = self.0;
            let bits = lowest.trailing_zeros().min(32);
            if bits == 0 || shifted > 320 {
                return shifted;
            }
            self.shift_right_less_than_a_word(bits);
            shifted += bits;
        }
    }

    fn shift_right_less_than_a_word(&mut self, bits: u32) {
        let mut upper = 0;
        for word in self.0.iter_mut().rev() {
            let carried = *word << (64 - bits);
            *word = *word >> bits | upper;
            upper = carried;
        }
    }
}
