//! Powers modulo an odd number, in limbs of 28 bits: 255 products of two limbs can be summed in a `u64` before any carry.
//!
//! Every column of a product is one scalar product of two slices, the second stored in reverse. In wasm that runs at the
//! speed of the processor's multiplier. Compilers turn widening vector products (`simd128`) into 64-bit ones here, which are
//! slower than none, so there is no second path.

const LIMB_BITS: usize = 28;
const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

/// The largest number of limbs for which sums of products fit: 7,138 bits.
const MAX_FAST_LIMBS: usize = 255;

/// An odd modulus with what Montgomery multiplication needs. The radix is at least four times the modulus, so that products
/// of numbers below twice the modulus are again below twice the modulus, and need no subtraction.
#[derive(Debug, Clone)]
pub(super) struct Modulus {
    /// How many bytes the modulus has.
    length: usize,
    limbs: Vec<u32>,
    reversed: Vec<u32>,
    /// -1/n modulo 2^28.
    factor: u64,
    /// The square of the radix modulo n.
    radix_squared: Vec<u32>,
}

impl Modulus {
    /// A modulus of `bits` bits from its big-endian bytes; none where it has too many limbs.
    pub(super) fn new(bytes: &[u8], bits: usize) -> Option<Self> {
        let count = (bits + 2).div_ceil(LIMB_BITS);
        if count > MAX_FAST_LIMBS {
            return None;
        }
        let limbs = to_limbs(bytes, count);
        let reversed: Vec<_> = limbs.iter().rev().copied().collect();
        let factor = negated_inverse(limbs.first().copied().unwrap_or(1));
        let mut modulus = Self { length: bytes.len(), limbs, reversed, factor, radix_squared: Vec::new() };
        modulus.radix_squared = modulus.square_of_radix(bits);
        Some(modulus)
    }

    /// `base` to the power of an odd exponent from 3, as bytes of the modulus's length. None where the base has not exactly
    /// that length, or is not below the modulus (RFC 8017 §5.2.2).
    pub(super) fn power(&self, base: &[u8], exponent: u32) -> Option<Vec<u8>> {
        let base = Some(base).filter(|base| base.len() == self.length).map(|base| to_limbs(base, self.limbs.len()))?;
        if !is_below(&base, &self.limbs) {
            return None;
        }
        let in_form = self.product(&base, &self.radix_squared);
        let mut power = in_form.clone();
        for bit in (1..exponent.checked_ilog2()?).rev() {
            power = self.square(&power);
            if exponent >> bit & 1 == 1 {
                power = self.product(&power, &in_form);
            }
        }
        // The exponent's last bit is set. Multiplying by the base itself leaves Montgomery form along the way.
        let mut result = self.product(&self.square(&power), &base);
        if !is_below(&result, &self.limbs) {
            subtract(&mut result, &self.limbs);
        }
        Some(to_bytes(&result, self.length))
    }

    /// a b / 2^(28 k) modulo n, below 2n.
    fn product(&self, a: &[u32], b: &[u32]) -> Vec<u32> {
        let reversed: Vec<_> = b.iter().rev().copied().collect();
        self.reduce(|column, first, last| between(a, first, last, &reversed, column))
    }

    /// a^2 / 2^(28 k) modulo n, below 2n. Mixed products come twice, so half of them are computed.
    fn square(&self, a: &[u32]) -> Vec<u32> {
        let reversed: Vec<_> = a.iter().rev().copied().collect();
        self.reduce(|column, first, _| {
            let mixed = between(a, first, column.div_ceil(2), &reversed, column);
            let middle = if column % 2 == 0 { a.get(column / 2).copied().map_or(0, u64::from) } else { 0 };
            2 * mixed + middle * middle
        })
    }

    /// Montgomery reduction, column by column, of the number whose columns `column_of` gives. Its arguments are the column
    /// and the first and one past the last limb that have a partner in it.
    fn reduce(&self, column_of: impl Fn(usize, usize, usize) -> u64) -> Vec<u32> {
        let count = self.limbs.len();
        let lowest = self.limbs.first().copied().map_or(0, u64::from);
        let mut factors: Vec<u32> = Vec::with_capacity(count);
        let mut carry = 0;
        for column in 0..count {
            let known = between(&factors, 0, column, &self.reversed, column);
            let (low, high) = add(column_of(column, 0, column + 1), known, carry);
            let factor = low.wrapping_mul(self.factor) & LIMB_MASK;
            carry = high + ((low + factor * lowest) >> LIMB_BITS);
            factors.push(narrow(factor));
        }
        let mut result = Vec::with_capacity(count);
        for column in count..2 * count {
            let first = column + 1 - count;
            let known = between(&factors, first, count, &self.reversed, column);
            let (low, high) = add(column_of(column, first, count), known, carry);
            result.push(narrow(low & LIMB_MASK));
            carry = high + (low >> LIMB_BITS);
        }
        result
    }

    /// The radix in Montgomery form, by doubling 2^(bits - 1) up to it, and then by squaring.
    fn square_of_radix(&self, bits: usize) -> Vec<u32> {
        let target = self.limbs.len() * LIMB_BITS;
        let mut power = vec![0; self.limbs.len()];
        if let Some(limb) = power.get_mut((bits - 1) / LIMB_BITS) {
            *limb = 1 << ((bits - 1) % LIMB_BITS);
        }
        // 2^target is 1 in Montgomery form, and so the 0th power of 2 in it.
        (bits - 1..target).for_each(|_| self.double(&mut power));
        let highest = target.checked_ilog2().unwrap_or(0);
        for bit in (0..=highest).rev() {
            power = self.square(&power);
            if target >> bit & 1 == 1 {
                self.double(&mut power);
            }
        }
        power
    }

    /// Doubles a number, and keeps it below twice the modulus.
    fn double(&self, number: &mut [u32]) {
        let mut carry = 0;
        for limb in number.iter_mut() {
            let doubled = *limb << 1 | carry;
            carry = doubled >> LIMB_BITS;
            *limb = doubled & narrow(LIMB_MASK);
        }
        for _ in 0..2 {
            if !is_below(number, &self.limbs) {
                subtract(number, &self.limbs);
            }
        }
    }
}

/// The scalar product of `a[first..end]` with its partners in `column`, which lie in reverse order in `reversed`.
#[inline(always)]
fn between(a: &[u32], first: usize, end: usize, reversed: &[u32], column: usize) -> u64 {
    let partner = (reversed.len() + first).saturating_sub(column + 1);
    let own = a.get(first..end).unwrap_or_default();
    let partners = reversed.get(partner..).unwrap_or_default();
    own.iter().zip(partners).map(|(&a, &b)| u64::from(a) * u64::from(b)).sum()
}

/// The sum of three columns, of which two may be as large as a `u64`: its low part, somewhat over 28 bits, and the rest.
#[inline(always)]
const fn add(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let low = (a & LIMB_MASK) + (b & LIMB_MASK) + (carry & LIMB_MASK);
    (low, (a >> LIMB_BITS) + (b >> LIMB_BITS) + (carry >> LIMB_BITS))
}

#[expect(clippy::cast_possible_truncation, reason = "limbs have 28 bits")]
const fn narrow(limb: u64) -> u32 {
    limb as u32
}

/// -1/n modulo 2^28, by Newton: each step doubles the bits that are right, beginning with three.
fn negated_inverse(odd: u32) -> u64 {
    let odd = u64::from(odd);
    let inverse = (0..4).fold(odd, |inverse, _| inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse))));
    inverse.wrapping_neg() & LIMB_MASK
}

fn is_below(a: &[u32], b: &[u32]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn subtract(a: &mut [u32], b: &[u32]) {
    let mut borrow = 0;
    for (a, &b) in a.iter_mut().zip(b) {
        let difference = a.wrapping_sub(b).wrapping_sub(borrow);
        borrow = difference >> 31;
        *a = difference & narrow(LIMB_MASK);
    }
}

fn to_limbs(bytes: &[u8], count: usize) -> Vec<u32> {
    let mut bytes = bytes.iter().rev();
    let (mut buffer, mut filled) = (0_u64, 0);
    let mut next_limb = || {
        while filled < LIMB_BITS {
            buffer |= u64::from(bytes.next().copied().unwrap_or(0)) << filled;
            filled += 8;
        }
        let limb = narrow(buffer & LIMB_MASK);
        buffer >>= LIMB_BITS;
        filled -= LIMB_BITS;
        limb
    };
    (0..count).map(|_| next_limb()).collect()
}

fn to_bytes(limbs: &[u32], length: usize) -> Vec<u8> {
    let mut limbs = limbs.iter();
    let (mut buffer, mut filled) = (0_u64, 0);
    let mut bytes: Vec<u8> = (0..length)
        .map(|_| {
            if filled < 8 {
                buffer |= u64::from(limbs.next().copied().unwrap_or(0)) << filled;
                filled += LIMB_BITS;
            }
            let [byte, ..] = buffer.to_le_bytes();
            buffer >>= 8;
            filled -= 8;
            byte
        })
        .collect();
    bytes.reverse();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::rsa::BoxedUint;
    use ::rsa::traits::PublicKeyParts as _;
    use proptest::prelude::*;

    /// Bytes with long runs of ones and zeros, where carries go wrong.
    fn extreme(length: usize) -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![3 => Just(0_u8), 3 => Just(0xff_u8), 1 => any::<u8>()];
        prop_oneof![prop::collection::vec(any::<u8>(), length), prop::collection::vec(byte, length)]
    }

    fn by_the_rsa_crate(modulus: &[u8], base: &[u8], exponent: u32) -> Vec<u8> {
        let precision = u32::try_from(modulus.len() * 8).expect("small");
        let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, precision).expect("it fits");
        let key = ::rsa::PublicKey::new(number(modulus), BoxedUint::from(u64::from(exponent))).expect("an odd modulus");
        let mut power = BoxedUint::one_with_precision(precision);
        for bit in (0..32).rev() {
            power = power.mul_mod(&power, key.n());
            if exponent >> bit & 1 == 1 {
                power = power.mul_mod(&number(base), key.n());
            }
        }
        let bytes = power.to_be_bytes();
        bytes[bytes.len() - modulus.len()..].to_vec()
    }

    fn sizes() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        prop_oneof![Just(256_usize), Just(257), Just(384), Just(512), 256..892_usize]
            .prop_flat_map(|length| (extreme(length), extreme(length)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn powers_are_those_of_the_rsa_crate((modulus, base) in sizes(), top in 1..=255_u8, exponent in any::<u16>()) {
            let (mut modulus, mut base) = (modulus, base);
            modulus[0] = top;
            *modulus.last_mut().expect("bytes") |= 1;
            let exponent = u32::from(exponent) * 2 + 3;
            let bits = modulus.len() * 8 - top.leading_zeros() as usize;
            let fast = Modulus::new(&modulus, bits).expect("few limbs");
            let power = fast.power(&base, exponent);
            prop_assert_eq!(power.is_some(), base < modulus);
            base[0] = 0;
            prop_assert_eq!(fast.power(&base, exponent), Some(by_the_rsa_crate(&modulus, &base, exponent)));
        }
    }

    #[test]
    fn bases_of_another_length_or_not_below_the_modulus_have_no_power() {
        let modulus = [vec![0xff; 255], vec![0xfd]].concat();
        let fast = Modulus::new(&modulus, 2048).expect("few limbs");
        for base in [modulus.clone(), vec![0xff; 256], vec![1; 255], [vec![0], modulus.clone()].concat()] {
            assert_eq!(fast.power(&base, 3), None);
        }
        let mut below = modulus;
        below[255] -= 1;
        assert!(fast.power(&below, 3).is_some());
    }

    #[test]
    fn moduli_beyond_the_sums_are_left_to_others() {
        assert!(Modulus::new(&[0xff; 892], 7136).is_some());
        assert!(Modulus::new(&[0xff; 1024], 8192).is_none());
    }
}
