//! [`draw`]: the table of rooms, as ARCHITECTURE.md quotes it.

use crate::plan::House;

/// A text with the table of each house in its place: between a line that names its folder,
/// `<!-- rooms of <folder> -->`, and the next `<!-- end -->`.
pub(crate) fn draw(text: &str, houses: &[House]) -> Result<String, String> {
    let mut drawn = text.to_owned();
    for house in houses {
        let (begin, end) = (format!("<!-- rooms of {} -->\n", house.folder), "<!-- end -->");
        let missing = || format!("there is no place for a map: {begin}");
        let start = drawn.find(&begin).ok_or_else(missing)? + begin.len();
        let length = drawn[start..].find(end).ok_or_else(missing)?;
        drawn.replace_range(start..start + length, &table(house));
    }
    Ok(drawn)
}

fn table(house: &House) -> String {
    let mut table = format!("\n| `{}` | what lives there |\n| --- | --- |\n", house.folder);
    for room in house.rooms {
        let modules: Vec<_> = room.modules.iter().map(|module| format!("`{module}`")).collect();
        table.push_str(&format!("| {} | {} |\n", modules.join(", "), room.what));
    }
    table.push('\n');
    table
}
