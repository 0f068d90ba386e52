//! Where the names of the points of Figure 11 go.

use super::frame::round;

/// A label's x and y, and which end of it lies there.
pub(crate) type Place = (f64, f64, &'static str);

/// Where labels go so that they cover neither points nor each other, as far as there is room, and which
/// share of the most covered one is covered nevertheless.
pub(crate) fn labels(
    points: &[((f64, f64), &str)],
    (left, right): (f64, f64),
    (top, base): (f64, f64),
) -> (Vec<Place>, f64) {
    const SPOTS: [Place; 8] = [
        (9.0, 4.0, "start"),
        (-9.0, 4.0, "end"),
        (7.0, -8.0, "start"),
        (-7.0, -8.0, "end"),
        (7.0, 17.0, "start"),
        (-7.0, 17.0, "end"),
        (0.0, -10.0, "middle"),
        (0.0, 19.0, "middle"),
    ];
    type Area = (f64, f64, f64, f64);
    let overlap = |a: Area, b: Area| {
        let wide = (a.1.min(b.1) - a.0.max(b.0)).max(0.0);
        wide * (a.3.min(b.3) - a.2.max(b.2)).max(0.0)
    };
    let dot = |(x, y): (f64, f64)| (x - 6.0, x + 6.0, y - 6.0, y + 6.0);
    let mut taken: Vec<Area> = points.iter().map(|p| dot(p.0)).collect();
    // The line between the points is covered only where there is no better place.
    for pair in points.windows(2) {
        let ((ax, ay), (bx, by)) = (pair[0].0, pair[1].0);
        taken.extend((1..16).map(|i| {
            let t = f64::from(i) / 16.0;
            let (x, y) = (ax + t * (bx - ax), ay + t * (by - ay));
            (x - 2.0, x + 2.0, y - 2.0, y + 2.0)
        }));
    }
    let (mut placed, mut worst) = (Vec::new(), 0.0_f64);
    for &((x, y), name) in points {
        let width = 6.6 * name.chars().count() as f64;
        let area = |(dx, dy, anchor): (f64, f64, &str)| {
            let from = match anchor {
                "start" => x + dx,
                "end" => x + dx - width,
                _ => x + dx - width / 2.0,
            };
            (from, from + width, y + dy - 11.0, y + dy + 3.0)
        };
        // The share that is covered or out of sight.
        let cost = |spot| {
            let area: Area = area(spot);
            let size = (area.1 - area.0) * (area.3 - area.2);
            let covered: f64 = taken.iter().map(|other| overlap(area, *other)).sum();
            (covered + size - overlap(area, (left, right, top, base))) / size.max(1.0)
        };
        let best = (SPOTS.into_iter()).min_by(|a, b| cost(*a).total_cmp(&cost(*b)));
        let best = best.unwrap_or(SPOTS[0]);
        worst = worst.max(cost(best));
        taken.push(area(best));
        placed.push((round(x + best.0), round(y + best.1), best.2));
    }
    (placed, worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_apart_and_say_when_they_cannot() {
        let points = |apart: f64| -> Vec<_> {
            (0..6)
                .map(|i| ((120.0 + apart * f64::from(i), 200.0), "rlhf-v1"))
                .collect()
        };
        let place = |apart| labels(&points(apart), (50.0, 400.0), (12.0, 340.0));
        let (placed, worst) = place(40.0);
        for (i, a) in placed.iter().enumerate() {
            assert!(!placed[..i].contains(a), "{placed:?}");
        }
        assert!(worst < 0.1, "{worst}");
        assert!(place(2.0).1 > 0.3);
        assert_eq!(labels(&[], (0.0, 1.0), (0.0, 1.0)), (vec![], 0.0));
    }
}
