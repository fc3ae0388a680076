from docbot.knowledge.site.leftout import lines_of_left_out


def test_what_was_left_out_is_told_by_reason_with_its_folders_the_most_first() -> None:
    counts = {
        "PDFs and the like": 4,
        "other versions: v1.2/": 100,
        "other versions: v1.1/": 110,
        "translations: de/": 5,
        "excluded": 5,
    }
    assert lines_of_left_out(counts) == [
        "210 other versions (v1.1/, v1.2/)",
        "5 excluded",
        "5 translations (de/)",
        "4 PDFs and the like",
    ]


def test_of_many_folders_some_are_named() -> None:
    [line] = lines_of_left_out({f"translations: l{n}/": 1 for n in range(9)})
    assert line == "9 translations (l0/, l1/, l2/, l3/, l4/, l5/ and 3 more)"
    assert lines_of_left_out({}) == []
