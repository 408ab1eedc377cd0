//! Points of P-256: y^2 = x^3 - 3x + b.

use super::field::FieldElement;

/// A point that is not at infinity, by its coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct AffinePoint {
    pub(super) x: FieldElement,
    pub(super) y: FieldElement,
}

/// A point that is not at infinity, as x = X / Z^2 and y = Y / Z^3 with `zz` = Z^2 and `zzz` = Z^3: the coordinates in which
/// adding an affine point costs least.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    x: FieldElement,
    y: FieldElement,
    zz: FieldElement,
    zzz: FieldElement,
}

/// A sum of points. It starts at infinity, and may come back to it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum(Option<Point>);

impl AffinePoint {
    pub(super) fn negated(&self) -> Self {
        Self { x: self.x, y: self.y.negated() }
    }
}

impl From<AffinePoint> for Point {
    fn from(AffinePoint { x, y }: AffinePoint) -> Self {
        Self { x, y, zz: FieldElement::ONE, zzz: FieldElement::ONE }
    }
}

impl Point {
    /// Twice the point. The curve's order is odd, so that is never infinity.
    pub(super) fn doubled(&self) -> Self {
        let u = self.y.doubled();
        let v = u.squared();
        let w = u.times(&v);
        let s = self.x.times(&v);
        let difference = self.x.squared().minus(&self.zz.squared());
        let m = difference.plus(&difference).plus(&difference);
        let x = m.squared().minus_and_twice(&FieldElement::ZERO, &s);
        let y = m.times_minus(&s.minus(&x), &w, &self.y);
        Self { x, y, zz: v.times(&self.zz), zzz: w.times(&self.zzz) }
    }

    /// The sum with an affine point; none where that is infinity.
    pub(super) fn plus(&self, other: &AffinePoint) -> Option<Self> {
        let p = other.x.times(&self.zz).minus(&self.x);
        let r = other.y.times(&self.zzz).minus(&self.y);
        if p.is_zero() {
            return r.is_zero().then(|| Self::from(*other).doubled());
        }
        let pp = p.squared();
        let ppp = p.times(&pp);
        let q = self.x.times(&pp);
        let x = r.squared().minus_and_twice(&ppp, &q);
        let y = r.times_minus(&q.minus(&x), &self.y, &ppp);
        Some(Self { x, y, zz: self.zz.times(&pp), zzz: self.zzz.times(&ppp) })
    }

    /// Whether the point's x is this one.
    fn has_x(&self, x: &FieldElement) -> bool {
        x.times(&self.zz).minus(&self.x).is_zero()
    }
}

impl Sum {
    /// Adds a point.
    pub(super) fn add(&mut self, point: &AffinePoint) {
        self.0 = match self.0 {
            Some(sum) => sum.plus(point),
            None => Some((*point).into()),
        };
    }

    /// Whether the sum is a point with this x.
    pub(super) fn has_x(&self, x: &FieldElement) -> bool {
        self.0.is_some_and(|sum| sum.has_x(x))
    }
}

/// The same points by their coordinates, for the price of one inversion.
pub(super) fn normalized(points: &[Point]) -> Vec<AffinePoint> {
    let mut product = FieldElement::ONE;
    let mut before = Vec::with_capacity(points.len());
    for point in points {
        before.push(product);
        product = product.times(&point.zzz);
    }
    let mut inverse = product.inverted();
    let mut normalized = Vec::with_capacity(points.len());
    for (point, before) in points.iter().zip(before).rev() {
        let inverse_zzz = inverse.times(&before);
        inverse = inverse.times(&point.zzz);
        let inverse_z = point.zz.times(&inverse_zzz);
        let x = point.x.times(&inverse_z.squared());
        normalized.push(AffinePoint { x, y: point.y.times(&inverse_zzz) });
    }
    normalized.reverse();
    normalized
}
