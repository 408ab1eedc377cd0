//! Numbers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1, fast where 64-bit products are at hand and 128-bit ones are not.
//!
//! A number has nine signed limbs of 29 bits, and stands in Montgomery form to the radix 2^261. Products of limbs have 58
//! bits, so that 18 of them can be summed in an `i64` before any carry. And since p is -1 modulo 2^96, Montgomery reduction
//! needs no multiplication: the multiple of p that clears a limb is the limb itself.
//!
//! Two bounds matter. *Limbs:* a product wants limbs of at most 2^29 in magnitude; carried numbers and the difference of
//! two carried numbers have them. *Value:* a product of values below A p and B p lies between -AB/32 p and (1 + AB/32) p.

/// The bits of a limb.
pub(super) const LIMB_BITS: u32 = 29;
pub(super) const LIMB_MASK: u32 = (1 << LIMB_BITS) - 1;
pub(super) const LIMBS: usize = 9;

/// How many multiples of p away from zero the value of a number may be, for [`FieldElement::is_zero`] to see it.
const MAX_MULTIPLE: i64 = 8;

const MODULUS: [i64; LIMBS] = [0x1fff_ffff, 0x1fff_ffff, 0x1fff_ffff, 0x1ff, 0, 0, 0x4_0000, 0x1fe0_0000, 0xff_ffff];

/// 2^522 mod p: takes a number into Montgomery form.
const RADIX_SQUARED: FieldElement =
    FieldElement([0xc00, 0, 0x1fff_0000, 0x1fdf_ffff, 0x1fbf_ffff, 0x1fff_ffff, 0x1fff_ffff, 0x1fff_fffe, 0x13]);

/// A number modulo p in Montgomery form.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldElement([i32; LIMBS]);

impl FieldElement {
    pub(super) const ZERO: Self = Self([0; LIMBS]);

    /// 1, which is 2^261 mod p.
    pub(super) const ONE: Self = Self([0x20, 0, 0, 0x1fff_c000, 0x1fff_ffff, 0x1fff_ffff, 0x1f7f_ffff, 0x3ff_ffff, 0]);

    /// The number that 32 big-endian bytes write, modulo p.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(limbs(bytes).map(u32::cast_signed)).times(&RADIX_SQUARED)
    }

    /// The number that limbs of 29 bits write.
    pub(super) fn from_limbs(limbs: [u32; LIMBS]) -> Self {
        Self(limbs.map(u32::cast_signed)).times(&RADIX_SQUARED)
    }

    /// The sum, carried.
    pub(super) fn plus(&self, other: &Self) -> Self {
        Self::carried(self.combine(other, |a, b| a + b))
    }

    /// The difference of two carried numbers, not carried: a factor, but no summand.
    pub(super) fn minus(&self, other: &Self) -> Self {
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = self.0;
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = other.0;
        Self([a0 - b0, a1 - b1, a2 - b2, a3 - b3, a4 - b4, a5 - b5, a6 - b6, a7 - b7, a8 - b8])
    }

    /// `self - first - 2 second`, carried.
    pub(super) fn minus_and_twice(&self, first: &Self, second: &Self) -> Self {
        let rest = self.combine(first, |a, b| a - b);
        let second = second.wide();
        Self::carried(zip(rest, second, |a, b| a - 2 * b))
    }

    /// Twice the number, carried.
    pub(super) fn doubled(&self) -> Self {
        self.plus(self)
    }

    /// The number with the other sign.
    pub(super) fn negated(&self) -> Self {
        Self(self.0.map(|limb| -limb))
    }

    /// The product.
    pub(super) fn times(&self, other: &Self) -> Self {
        reduce(product(self, other))
    }

    /// `self * factor - minuend * other`, with one reduction for both products.
    pub(super) fn times_minus(&self, factor: &Self, minuend: &Self, other: &Self) -> Self {
        let mut columns = product(self, factor);
        for (column, less) in columns.iter_mut().zip(product(minuend, other)) {
            *column -= less;
        }
        reduce(columns)
    }

    /// The square.
    pub(super) fn squared(&self) -> Self {
        reduce(square(self))
    }

    /// The inverse, by Fermat; zero has none and gives zero.
    pub(super) fn inverted(&self) -> Self {
        /// p - 2, from its highest 32 bits down.
        const EXPONENT: [u32; 8] = [u32::MAX, 1, 0, 0, 0, u32::MAX, u32::MAX, u32::MAX - 2];
        let bits = EXPONENT.iter().flat_map(|word| (0..32).rev().map(move |bit| word >> bit & 1));
        bits.fold(Self::ONE, |power, bit| {
            let squared = power.squared();
            if bit == 1 { squared.times(self) } else { squared }
        })
    }

    /// Whether the number is zero modulo p. Its value must be less than 8 p away from zero.
    pub(super) fn is_zero(&self) -> bool {
        // The lowest limb of k p is -k: only where it is small can the number be such a multiple.
        let [lowest, ..] = self.0;
        let nearest = i64::from((lowest.cast_unsigned().wrapping_add(MAX_MULTIPLE as u32)) & LIMB_MASK) - MAX_MULTIPLE;
        nearest <= MAX_MULTIPLE && self.is_multiple(-nearest)
    }

    fn is_multiple(&self, factor: i64) -> bool {
        Self::carried(self.wide()).0 == Self::carried(MODULUS.map(|limb| limb * factor)).0
    }

    /// The same value with limbs from 0 to 2^29, but for the highest, which bears the sign.
    fn carried(limbs: [i64; LIMBS]) -> Self {
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = limbs;
        let a1 = a1 + (a0 >> LIMB_BITS);
        let a2 = a2 + (a1 >> LIMB_BITS);
        let a3 = a3 + (a2 >> LIMB_BITS);
        let a4 = a4 + (a3 >> LIMB_BITS);
        let a5 = a5 + (a4 >> LIMB_BITS);
        let a6 = a6 + (a5 >> LIMB_BITS);
        let a7 = a7 + (a6 >> LIMB_BITS);
        let a8 = a8 + (a7 >> LIMB_BITS);
        Self([low(a0), low(a1), low(a2), low(a3), low(a4), low(a5), low(a6), low(a7), whole(a8)])
    }

    fn wide(&self) -> [i64; LIMBS] {
        self.0.map(i64::from)
    }

    fn combine(&self, other: &Self, operation: impl Fn(i64, i64) -> i64) -> [i64; LIMBS] {
        zip(self.wide(), other.wide(), operation)
    }
}

fn zip(a: [i64; LIMBS], b: [i64; LIMBS], operation: impl Fn(i64, i64) -> i64) -> [i64; LIMBS] {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = a;
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = b;
    [
        operation(a0, b0),
        operation(a1, b1),
        operation(a2, b2),
        operation(a3, b3),
        operation(a4, b4),
        operation(a5, b5),
        operation(a6, b6),
        operation(a7, b7),
        operation(a8, b8),
    ]
}

#[expect(clippy::cast_possible_truncation, reason = "the 29 bits that are left fit")]
const fn low(limb: i64) -> i32 {
    limb as i32 & LIMB_MASK.cast_signed()
}

#[expect(clippy::cast_possible_truncation, reason = "values stay below 2^260, so the highest limb has 28 bits")]
const fn whole(limb: i64) -> i32 {
    limb as i32
}

/// The columns of the schoolbook product.
#[inline(always)]
fn product(a: &FieldElement, b: &FieldElement) -> [i64; 17] {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = a.wide();
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = b.wide();
    [
        a0 * b0,
        a0 * b1 + a1 * b0,
        a0 * b2 + a1 * b1 + a2 * b0,
        a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0,
        a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0,
        a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0,
        a0 * b6 + a1 * b5 + a2 * b4 + a3 * b3 + a4 * b2 + a5 * b1 + a6 * b0,
        a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0,
        a0 * b8 + a1 * b7 + a2 * b6 + a3 * b5 + a4 * b4 + a5 * b3 + a6 * b2 + a7 * b1 + a8 * b0,
        a1 * b8 + a2 * b7 + a3 * b6 + a4 * b5 + a5 * b4 + a6 * b3 + a7 * b2 + a8 * b1,
        a2 * b8 + a3 * b7 + a4 * b6 + a5 * b5 + a6 * b4 + a7 * b3 + a8 * b2,
        a3 * b8 + a4 * b7 + a5 * b6 + a6 * b5 + a7 * b4 + a8 * b3,
        a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4,
        a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5,
        a6 * b8 + a7 * b7 + a8 * b6,
        a7 * b8 + a8 * b7,
        a8 * b8,
    ]
}

/// The columns of the square: each mixed product once, doubled.
#[inline(always)]
fn square(a: &FieldElement) -> [i64; 17] {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = a.wide();
    let [d0, d1, d2, d3, d4, d5, d6, d7, _] = a.wide().map(|limb| 2 * limb);
    [
        a0 * a0,
        d0 * a1,
        d0 * a2 + a1 * a1,
        d0 * a3 + d1 * a2,
        d0 * a4 + d1 * a3 + a2 * a2,
        d0 * a5 + d1 * a4 + d2 * a3,
        d0 * a6 + d1 * a5 + d2 * a4 + a3 * a3,
        d0 * a7 + d1 * a6 + d2 * a5 + d3 * a4,
        d0 * a8 + d1 * a7 + d2 * a6 + d3 * a5 + a4 * a4,
        d1 * a8 + d2 * a7 + d3 * a6 + d4 * a5,
        d2 * a8 + d3 * a7 + d4 * a6 + a5 * a5,
        d3 * a8 + d4 * a7 + d5 * a6,
        d4 * a8 + d5 * a7 + a6 * a6,
        d5 * a8 + d6 * a7,
        d6 * a8 + a7 * a7,
        d7 * a8,
        a8 * a8,
    ]
}

/// Montgomery reduction: adds the multiple of p that clears the nine lowest columns, and drops them.
///
/// Clearing a column `m` means adding `m p`, whose lowest part `-m` cancels it, and whose others land 96, 192, 224 (with the
/// other sign) and 256 bits higher: in the third, sixth, seventh and eighth column from here.
#[inline(always)]
fn reduce(columns: [i64; 17]) -> FieldElement {
    let mut t = columns;
    macro_rules! clear {
        ($($at:literal)*) => {$(
            let m = t[$at] & i64::from(LIMB_MASK);
            t[$at + 1] += t[$at] >> LIMB_BITS;
            t[$at + 3] += m << 9;
            t[$at + 6] += m << 18;
            t[$at + 7] -= m << 21;
            t[$at + 8] += m << 24;
        )*};
    }
    clear!(0 1 2 3 4 5 6 7 8);
    let [_, _, _, _, _, _, _, _, _, r0, r1, r2, r3, r4, r5, r6, r7] = t;
    FieldElement::carried([r0, r1, r2, r3, r4, r5, r6, r7, 0])
}

/// The nine limbs of a number of 32 big-endian bytes.
pub(super) fn limbs(bytes: &[u8; 32]) -> [u32; LIMBS] {
    let mut limbs = [0; LIMBS];
    let mut bytes = bytes.iter().rev();
    let (mut buffer, mut filled) = (0_u64, 0);
    for limb in &mut limbs {
        while filled < LIMB_BITS {
            buffer |= u64::from(bytes.next().copied().unwrap_or(0)) << filled;
            filled += 8;
        }
        *limb = low_bits(buffer);
        buffer >>= LIMB_BITS;
        filled -= LIMB_BITS;
    }
    limbs
}

#[expect(clippy::cast_possible_truncation, reason = "masked to 29 bits")]
const fn low_bits(buffer: u64) -> u32 {
    buffer as u32 & LIMB_MASK
}
