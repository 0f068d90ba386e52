//! The check-digit rules that numbers about people and their accounts carry.

/// The digits of `text` as numbers, separators dropped.
pub(crate) fn digits(text: &str) -> Vec<u8> {
    text.bytes()
        .filter(u8::is_ascii_digit)
        .map(|b| b - b'0')
        .collect()
}

/// Luhn's rule (ISO/IEC 7812): payment cards, Swedish personal numbers.
pub fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &d)| match (place % 2, u32::from(d) * 2) {
            (0, _) => u32::from(d),
            (_, doubled) => doubled / 10 + doubled % 10,
        })
        .sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// The sum of digits by weights, modulo `modulus`; digits past the weights are left out.
pub(crate) fn weighted(digits: &[u8], weights: &[u32], modulus: u32) -> u32 {
    let sum: u32 = digits
        .iter()
        .zip(weights)
        .map(|(&d, &w)| u32::from(d) * w)
        .sum();
    sum % modulus
}

/// ISO 7064 mod 97-10 over letters and digits, the first four moved to the end (IBAN, ISO 13616).
pub fn iban(compact: &str) -> bool {
    let bytes = compact.as_bytes();
    if bytes.len() < 5 {
        return false;
    }
    let mut rest = 0u32;
    for &b in bytes[4..].iter().chain(&bytes[..4]) {
        rest = match b {
            b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
            b'A'..=b'Z' => (rest * 100 + u32::from(b - b'A') + 10) % 97,
            b'a'..=b'z' => (rest * 100 + u32::from(b - b'a') + 10) % 97,
            _ => return false,
        };
    }
    rest == 1
}

/// ISO 7064 mod 11,10 (German Steuer-Identifikationsnummer, Croatian OIB).
pub fn mod_11_10(digits: &[u8]) -> bool {
    let Some((&check, body)) = digits.split_last() else {
        return false;
    };
    let mut product = 10u32;
    for &d in body {
        let sum = match (u32::from(d) + product) % 10 {
            0 => 10,
            sum => sum,
        };
        product = sum * 2 % 11;
    }
    (11 - product) % 10 == u32::from(check)
}

/// Verhoeff's rule over the dihedral group of ten elements (Indian Aadhaar).
pub fn verhoeff(digits: &[u8]) -> bool {
    // The permutation that is applied once more at each place.
    const STEP: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut sum = 0u8;
    for (place, &d) in digits.iter().rev().enumerate() {
        let mut value = d % 10;
        for _ in 0..place % 8 {
            value = STEP[usize::from(value)];
        }
        sum = dihedral(sum, value);
    }
    !digits.is_empty() && sum == 0
}

/// The product in the group of a pentagon's five turns (0 to 4) and five flips (5 to 9).
fn dihedral(a: u8, b: u8) -> u8 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b - 5) % 5,
        (false, true) => 5 + (a - 5 + 5 - b) % 5,
        (false, false) => (5 + a - b) % 5,
    }
}

/// The check letter of a Spanish DNI or NIE number.
pub(crate) fn dni_letter(number: u32) -> u8 {
    b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize]
}

/// The last letter of an Italian codice fiscale, from its first fifteen characters in capitals.
pub(crate) fn codice_fiscale_letter(first: &[u8]) -> Option<u8> {
    // Value at the odd places (first, third, ...) of a digit, or of the letter as far along.
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let mut sum = 0;
    for (place, &b) in first.iter().enumerate() {
        let value = match b {
            b'0'..=b'9' => b - b'0',
            b'A'..=b'Z' => b - b'A',
            _ => return None,
        };
        sum += if place % 2 == 0 {
            ODD[usize::from(value)]
        } else {
            u32::from(value)
        };
    }
    Some(b'A' + (sum % 26) as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_examples_hold() {
        assert!(luhn(&digits("79927398713")));
        assert!(!luhn(&digits("79927398710")));
        assert!(verhoeff(&digits("2363")));
        assert!(verhoeff(&digits("123451")));
        assert!(!verhoeff(&digits("123415")));
        assert!(iban("GB82WEST12345698765432"));
        assert!(!iban("GB28WEST12345698765432"));
        assert!(mod_11_10(&digits("86095742719")));
        assert!(!mod_11_10(&digits("86095742718")));
        assert_eq!(dni_letter(12_345_678), b'Z');
        assert_eq!(codice_fiscale_letter(b"RSSMRA85T10A562"), Some(b'S'));
    }

    proptest! {
        /// Exactly one check digit fits, and a single wrong digit never does.
        #[test]
        fn one_digit_fits(
            body in proptest::collection::vec(0u8..10, 3..18),
            place in 0usize..18,
            shift in 1u8..10,
        ) {
            for rule in [luhn, verhoeff, mod_11_10] {
                let mut fits = Vec::new();
                for check in 0..10 {
                    let mut whole = body.clone();
                    whole.push(check);
                    if rule(&whole) {
                        fits.push(whole);
                    }
                }
                prop_assert_eq!(fits.len(), 1);
                let mut wrong = fits.remove(0);
                let place = place % wrong.len();
                wrong[place] = (wrong[place] + shift) % 10;
                prop_assert!(!rule(&wrong));
            }
        }
    }
}
