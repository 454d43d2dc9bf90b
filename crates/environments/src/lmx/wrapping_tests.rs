//! Tests of [`super`]: beginnings and endings as chat models write them, and texts that look like them.

use super::*;

/// Stands for the text in answers below.
const TEXT: &str = "I like beans because they are cheap.";

fn unwrap(answer: &str) -> String {
    Wrapping::new("Here is a random opinion piece about eating vegetables:").unwrap(answer, str::len)
}

/// Answers whose text is `{}`.
const WRAPPED: [&str; 92] = [
    // Announcements.
    "Sure! Here is another opinion piece:\n\n{}",
    "Sure, here's another random opinion piece about eating vegetables:\n\n{}",
    "Sure thing! Here's one:\n{}",
    "Sure!\n\n{}",
    "Certainly.\n\n{}",
    "Certainly! Here's a poem about beans:\n\n{}",
    "Of course! Here is a short story:\n\n{}",
    "Of course!\n\nHere's a haiku:\n\n{}",
    "Absolutely! Below is a new entry for the list:\n\n{}",
    "Okay, here is a review:\n{}",
    "OK.\nHere's a review:\n{}",
    "Alright, here's my attempt:\n\n{}",
    "Got it! Here's the next entry:\n\n{}",
    "Here is a random opinion piece about eating vegetables:\n{}",
    "here is a random opinion piece about eating vegetables:\n\n{}",
    "**Here is a random opinion piece about eating vegetables:**\n\n{}",
    "Here is a random opinion piece about eating vegetables: {}",
    "Here's another opinion piece about eating vegetables:\n\n{}",
    "Here\u{2019}s a new one in the same style:\n\n{}",
    "Here is the story you asked for:\n\n{}",
    "Here are a few lines for your poem:\n\n{}",
    "Below is a possible continuation:\n\n{}",
    "The following is a fictional review:\n\n{}",
    "I've written a short opinion piece for you:\n\n{}",
    "I'd be happy to help! Here's an opinion piece:\n\n{}",
    "I'd be happy to write an opinion piece about vegetables.\n\n{}",
    "Sure, here's a short opinion piece.\n\n{}",
    "Great question! Here's an opinion piece about eating vegetables:\n\n{}",
    "That sounds fun! Here's a short poem:\n\n{}",
    "As an AI language model, I don't have personal opinions, but here is an opinion piece:\n\n{}",
    "I don't have personal opinions, but here's a sample opinion piece:\n\n{}",
    "Sure! Here's an opinion piece: {}",
    "Sure! Here is another opinion piece:\n---\n{}\n---",
    "How about this one:\n\n{}",
    "Another random opinion piece about eating vegetables:\n\n{}",
    "Voici un avis sur les l\u{e9}gumes :\n\n{}",
    "Hier ist ein weiterer Text:\n\n{}",
    "Claro, aqu\u{ed} tienes un texto:\n\n{}",
    "\u{5f53}\u{7136}\u{ff01}\u{4ee5}\u{4e0b}\u{662f}\u{4e00}\u{7bc7}\u{77ed}\u{6587}\u{ff1a}\n\n{}",
    "\u{041a}\u{043e}\u{043d}\u{0435}\u{0447}\u{043d}\u{043e}! \u{0412}\u{043e}\u{0442} \u{0442}\u{0435}\u{043a}\u{0441}\u{0442}:\n\n{}",
    // Titles and labels.
    "# Beans\n\n{}",
    "## Why I Eat Beans\n{}",
    "### Opinion\n\n{}",
    "**Beans: A Love Story**\n\n{}",
    "**Why I Eat Beans**\n{}",
    "*Beans*\n\n{}",
    "Title: Why I Eat Beans\n\n{}",
    "**Title:** Why I Eat Beans\n\n{}",
    "Opinion: {}",
    "Opinion:\n{}",
    "**Opinion:** {}",
    "**Opinion**: {}",
    "Opinion piece: {}",
    "Opinion Piece 4:\n{}",
    "Entry #4: {}",
    "New entry: {}",
    "Example 3: {}",
    "Text: {}",
    "Response:\n{}",
    "Answer: {}",
    // Marks around all of it.
    "\"{}\"",
    "\u{201c}{}\u{201d}",
    "\u{ab} {} \u{bb}",
    "\u{300c}{}\u{300d}",
    "'{}'",
    "`{}`",
    "**{}**",
    "*{}*",
    "> {}",
    "```\n{}\n```",
    "```text\n{}\n```\n\nThis opinion piece praises beans.",
    "~~~\n{}\n~~~",
    "1. {}",
    "1) {}",
    "- {}",
    "Sure! Here is one:\n\n\"{}\"\n\nLet me know if you'd like another!",
    "Sure! Here is one:\n\n> **Opinion:** \"{}\"",
    "Certainly!\n\n```\n# Beans\n\n{}\n```",
    // Endings.
    "{}\n\nLet me know if you'd like me to change anything!",
    "{}\nLet me know if you want another one.",
    "{}\n\nI hope this helps!",
    "{}\n\nI hope you enjoy it!",
    "{}\n\nWould you like me to write another one?",
    "{}\n\nWould you like another opinion piece?",
    "{}\n\n---\n\nFeel free to ask for changes.",
    "{}\n\nIs there anything else I can help you with?",
    "{}\n\nIf you'd like more, just say so.",
    "{}\n\n(Word count: 7)",
    "{}\n\n*(7 words)*",
    "{}\n\nThis opinion piece reflects a positive view of beans.",
    "{}\n\nNote: This opinion piece is fictional.",
    "{}\n\n**Explanation:** It follows the list.\n\n- It is short.\n- It is positive.",
];

/// Answers that are texts as they are.
const TEXTS: [&str; 46] = [
    "Here comes the evening, soft and slow,\nand beans are all we have to show.",
    "Here is my opinion: beans are cheap.",
    "Here is where I stand: with beans.",
    "Here lies a bean.\n\nIt was cheap.",
    "Here we go again:\nbeans for lunch, beans for tea.",
    "Here in the south:\nbeans.",
    "Sure, I like beans.",
    "Sure as the sun comes up,\nbeans will grow.",
    "Sure, here is what I think. Beans are cheap.",
    "Sure, here's to beans: may they stay cheap.",
    "Sure enough, the beans were cold.",
    "Surely nobody likes beans.",
    "Of course beans are cheap.",
    "Of course I ate the beans! Who wouldn't?",
    "Okay is what I call them.",
    "Certainly not.\nI never ate a bean.",
    "Absolutely delicious! Here beans are eaten every day.",
    "Yes.\n\nBeans.",
    "I hope this winter passes.",
    "I hope this helps you see the light, my love,\nand every bean.",
    "Let me know your heart.",
    "Eat your beans.\n\nLet me know how it ends, my love.",
    "Roses are red.\n\nWould you like to dance with me tonight?",
    "Feel free, my friend, to eat.",
    "\"Eat,\" she said, \"or go.\"",
    "\"Stop!\" he cried. \"These are my beans!\"",
    "'Twas the night before lunch, and the beans' last hour.",
    "\u{201c}One\u{201d} and \u{201c}two\u{201d}",
    "**Beans** are *cheap*.",
    "Some beans are **good**",
    "#beans are cheap",
    "#summer written on the snow,\na bean.",
    "1. Soak the beans.\n2. Boil them.",
    "1984 was a good year for beans.",
    "10. Juni. Die Bohnen sind da.",
    "- beans\n- peas",
    "Spy: Hand me the beans.\nPolitician: Never.",
    "Question: who eats beans? I do.",
    "My opinion: beans are cheap.",
    "Beans: a love story.",
    "A story of beans: they were cold.",
    "Ingredients:\nbeans\nwater",
    "My love,\n\nthe beans are gone.\n\nEnjoy!",
    "The beans were gone.\n\nThis winter captures us all.",
    "The end\n\nof beans.",
    "A --- B\n\nbeans",
];

/// Answers that hold no text at all.
const NOTHING: [&str; 14] = [
    "",
    "Sure!",
    "Certainly.",
    "Of course!",
    "Sure! Here is another opinion piece:",
    "Sure! Here's one:\n\n",
    "Here is a random opinion piece about eating vegetables:",
    "Opinion:",
    "### Beans",
    "```\n```",
    "\"\"",
    "---",
    "Would you like me to write an opinion piece?",
    "Sure! I'd be happy to help with that.",
];

#[test]
fn what_is_wrapped_around_a_text_comes_off() {
    for answer in WRAPPED {
        let answer = answer.replace("{}", TEXT);
        assert_eq!(unwrap(&answer), TEXT, "{answer:?}");
    }
}

#[test]
fn what_only_looks_like_a_wrapping_stays() {
    for text in TEXTS {
        assert_eq!(unwrap(text), text);
    }
}

#[test]
fn an_answer_that_is_nothing_but_wrapping_holds_no_text() {
    for answer in NOTHING {
        assert_eq!(unwrap(answer), "", "{answer:?}");
    }
}

#[test]
fn the_layers_of_an_onion_without_end_hold_no_text() {
    assert_eq!(unwrap(&format!("{}peas", "> ".repeat(100))), "");
    assert_eq!(unwrap(&format!("{}peas", "> ".repeat(10))), "peas");
}
