//! How every mail looks: as text, and as a page without images, scripts or tracking.

/// A piece of a mail.
pub(crate) enum Block {
    /// Running text.
    Paragraph(String),
    /// A code to be typed, shown large.
    Code(String),
}

/// A mail before it is laid out.
pub(crate) struct Letter {
    pub subject: String,
    pub blocks: Vec<Block>,
}

const FOOTER: &str = "This mail was sent by BookFlow.";

impl Letter {
    /// The alternative for readers that show no pages.
    pub fn text(&self, public_url: &str) -> String {
        let mut text = String::new();
        for block in &self.blocks {
            match block {
                Block::Paragraph(words) => text.push_str(words),
                Block::Code(code) => text.extend(["    ", code]),
            }
            text.push_str("\n\n");
        }
        text + &format!("-- \n{FOOTER}\n{public_url}\n")
    }

    /// The page. Everything that is not ours is escaped.
    pub fn html(&self, public_url: &str) -> String {
        let blocks: String = self.blocks.iter().map(Block::html).collect();
        let (title, url) = (escape(&self.subject), escape(public_url));
        format!(
            r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head>
<body style="margin:0;padding:24px;background:#f5f4f0;color:#222;font:16px/1.5 Georgia,serif">
<div style="max-width:520px;margin:0 auto;padding:24px;background:#fff;border-radius:8px">
<h1 style="margin:0 0 16px;font-size:20px">{title}</h1>
{blocks}</div>
<p style="max-width:520px;margin:16px auto;color:#666;font-size:13px">{FOOTER} <a href="{url}" style="color:#666">{url}</a></p>
</body>
</html>
"#
        )
    }
}

impl Block {
    fn html(&self) -> String {
        match self {
            Self::Paragraph(words) => format!("<p>{}</p>\n", escape(words)),
            Self::Code(code) => {
                let style = "font:bold 28px monospace;letter-spacing:6px;text-align:center";
                format!("<p style=\"{style}\">{}</p>\n", escape(code))
            }
        }
    }
}

/// Text as it may stand in an element or a quoted attribute.
fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}
