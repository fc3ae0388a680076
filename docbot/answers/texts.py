"""The sentences that docbot says to members in its own name, all in one place."""

NOTHING_FOUND = "I found nothing about this in the documentation."
NOTHING_ASKED = (
    "I cannot tell what you want to know. Please write your question in a few words; "
    "images I cannot read."
)
LATER = "I cannot answer just now. I keep trying, and answer here as soon as I can."
FAILED = "Something went wrong on my side, so I cannot answer now. Please try again later."
QUOTED_INSTEAD = "I cannot write an answer of my own just now, so I quote the documentation."
MAY_HELP = "These pages may help:"
FROM = "From"  # before the title of a page that is quoted
UNDER = "under"  # before the heading within a passage, behind the passage's own
SEE = "See"  # before the title of a page of which nothing can be quoted
SEE_ALSO = "See also"
AND = "and"
SOURCES = "Sources"
UNFAMILIAR = "⚠ I did not find this in the documentation, so check it before you use it:"
