//! Filing every rule under its most telling condition.

use super::keys::{Form, Key, Subject, keys};
use super::{Already, BlockLength, Forms, Index, RuleNumber};
use crate::authz::condition::Condition;
use crate::authz::policies::Rule;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// How many rules could be filed under each key.
type Shares = HashMap<u64, u32, BuildHasherDefault<Already>>;

impl Index {
    /// Files rules under those of their conditions that `may_file` accepts.
    pub(in crate::authz) fn build<'r>(
        rules: impl Iterator<Item = (RuleNumber, &'r Rule)> + Clone,
        may_file: impl Fn(&Condition) -> bool + Copy,
    ) -> Self {
        let shares = count_shares(rules.clone(), may_file);
        let mut index = Self::default();
        for (number, rule) in rules {
            match most_telling(rule, may_file, &shares) {
                Some(keys) => keys.into_iter().for_each(|key| index.file(number, key)),
                None => index.always.push(number),
            }
        }
        index
    }

    fn file(&mut self, number: RuleNumber, key: Key<'_>) {
        let bucket = self.buckets.entry(key.hash).or_default();
        if bucket.last() != Some(&number) {
            bucket.push(number);
        }
        match (key.subject, key.form) {
            (_, Form::Template(shape)) => add_once(&mut self.shapes, shape),
            (Subject::Fixed(attribute), Form::Block { is_v6, length }) => {
                add_once(self.blocks.0.entry(attribute).or_default(), BlockLength { is_v6, length });
            }
            (subject, form) => self.forms(subject).into_iter().for_each(|forms| forms.add(&form)),
        }
    }

    fn forms(&mut self, subject: Subject<'_>) -> Option<&mut Forms> {
        match subject {
            Subject::Fixed(attribute) => self.fixed.get_mut(attribute as usize),
            Subject::Header(name) => Some(self.headers.entry(name.to_owned()).or_default()),
            Subject::Claim(path) => Some(self.claims.entry(path.clone()).or_default()),
        }
    }
}

impl Forms {
    fn add(&mut self, form: &Form) {
        match form {
            Form::Exact => self.exact = true,
            Form::Present => self.present = true,
            Form::Prefix(length) => insert_sorted(&mut self.prefixes, *length),
            Form::Suffix(length) => insert_sorted(&mut self.suffixes, *length),
            Form::Template(_) | Form::Block { .. } => {}
        }
    }
}

fn count_shares<'r>(rules: impl Iterator<Item = (RuleNumber, &'r Rule)>, may_file: impl Fn(&Condition) -> bool) -> Shares {
    let mut shares = Shares::default();
    for (_, rule) in rules {
        let conditions = rule.to.iter().chain(&rule.from).flatten().chain(&rule.when);
        for key in conditions.filter(|condition| may_file(condition)).filter_map(keys).flatten() {
            *shares.entry(key.hash).or_default() += 1;
        }
    }
    shares
}

/// The keys by which a rule is found among the fewest others: those of its operations (each alternative by its own best
/// condition), of its sources, or of one of its further conditions. `None` when it cannot be found by any.
fn most_telling<'r>(rule: &'r Rule, may_file: impl Fn(&Condition) -> bool, shares: &Shares) -> Option<Vec<Key<'r>>> {
    let best = |conditions: &'r [Condition]| -> Option<Vec<Key<'r>>> {
        let usable = conditions.iter().filter(|condition| may_file(condition)).filter_map(keys);
        usable.min_by_key(|keys| crowd(keys, shares))
    };
    let by_alternatives = |alternatives: &'r [Vec<Condition>]| -> Option<Vec<Key<'r>>> {
        let each: Option<Vec<Vec<Key<'r>>>> = alternatives.iter().map(|all| best(all)).collect();
        each.map(|keys| keys.concat()).filter(|_| !alternatives.is_empty())
    };
    let options = [by_alternatives(&rule.to), by_alternatives(&rule.from), best(&rule.when)];
    options.into_iter().flatten().min_by_key(|keys| crowd(keys, shares))
}

/// With how many rules a rule would share its fullest place.
fn crowd(option: &[Key<'_>], shares: &Shares) -> u32 {
    option.iter().filter_map(|key| shares.get(&key.hash)).max().copied().unwrap_or_default()
}

fn add_once<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn insert_sorted(lengths: &mut Vec<usize>, length: usize) {
    if let Err(at) = lengths.binary_search(&length) {
        lengths.insert(at, length);
    }
}
