import json
from pathlib import Path

import pytest
from evaluation_sets import (
    encoded,
    images_of,
    make_gqa,
    make_mmbench,
    make_mme,
    picture,
    questions_of,
    refused_of,
    write,
)
from records import at_most

from interleave.dedup.evaluation.formats import guess_kind, read_evaluation
from interleave.dedup.evaluation.items import EvaluationItem
from interleave.errors import RecipeError, TaskError, Unreadable


def test_mme_is_read_in_both_layouts_and_the_results_beside_it_are_not(tmp_path: Path) -> None:
    items = list(read_evaluation(make_mme(tmp_path / "MME")))
    assert images_of(items) == {
        "MME_Benchmark/artwork/images/14777.png": encoded(picture(2), "PNG"),
        "MME_Benchmark/existence/0001.jpg": encoded(picture(1)),
    }
    assert questions_of(items) == {
        "MME_Benchmark/artwork/questions_answers_YN/14777.txt:1": (
            "Does this artwork belong to the type of still-life? Please answer yes or no."
        ),
        "MME_Benchmark/existence/0001.txt:1": "Is there a dog in this image? Please answer yes or no.",
        "MME_Benchmark/existence/0001.txt:2": "Is there a cat in this image? Please answer yes or no.",
    }
    assert {item.set for item in items} == {"MME"}
    assert not refused_of(items)


def test_broken_lines_and_missing_images_of_mme_are_named(tmp_path: Path) -> None:
    root = make_mme(tmp_path / "MME")
    write(root / "MME_Benchmark" / "existence" / "0001.txt", "No tab here\nIs it?\tMaybe\nIs it red?\tNo\n")
    write(root / "MME_Benchmark" / "count" / "0002.txt", "Are there two?\tYes\n")
    write(root / "MME_Benchmark" / "count" / "0003.jpg", b"\xff\xd8")
    write(root / "MME_Benchmark" / "count" / "0003.txt", b"\xff\xfe\tYes\n")
    items = list(read_evaluation(root))
    assert refused_of(items) == {
        "MME_Benchmark/count/0002": "image_missing",
        "MME_Benchmark/count/0003.txt": "bad_utf8",
        "MME_Benchmark/existence/0001.txt:1": "not_a_question",
        "MME_Benchmark/existence/0001.txt:2": "not_a_question",
    }
    assert "Are there two?" in questions_of(items).values()
    assert "Is it red?" in questions_of(items).values()


def test_mmbench_has_options_and_rows_that_share_an_image(tmp_path: Path) -> None:
    items = list(read_evaluation(make_mmbench(tmp_path / "mmbench_dev.tsv")))
    assert images_of(items) == {"241": encoded(picture(3))}
    questions = {item.item: item for item in items if isinstance(item, EvaluationItem) and item.question}
    assert {name: item.options for name, item in questions.items()} == {
        "241": ("the sea", "a road"),
        "1000241": ("a road", "the sea"),
    }
    assert {item.question for item in questions.values()} == {"What is the highlighted area?"}
    assert {item.set for item in items} == {"mmbench_dev"}
    assert not refused_of(items)


def test_mmbench_in_chinese_is_read_the_same_way(tmp_path: Path) -> None:
    path = make_mmbench(tmp_path / "mmbench_dev_cn.tsv", "7\t图中的天气怎么样？\t\t晴\t雨\t\t\tA\tw\t241\ts\tl\t\tdev")
    items = list(read_evaluation(path))
    assert questions_of(items)["7"] == "图中的天气怎么样？"
    assert next(item.options for item in items if item.item == "7" and isinstance(item, EvaluationItem)) == ("晴", "雨")


def test_broken_rows_of_mmbench_are_named_and_the_others_read(tmp_path: Path) -> None:
    path = make_mmbench(
        tmp_path / "m.tsv",
        "1\ttoo\tfew",
        "2\tWhose image is missing?\t\ta\tb\t\t\tA\tc\t999\ts\tl\t\tdev",
        "3\tnan\t\ta\tb\t\t\tA\tc\t241\ts\tl\t\tdev",
        f"4\tWhat is not base64?\t\ta\tb\t\t\tA\tc\t{'?' * 70}\ts\tl\t\tdev",
        '5\tNever closed\t"a\tb\t\t\tA\tc\t241\ts\tl\t\tdev',
        "6\tThe last one?\t\ta\tb\t\t\tA\tc\t241\ts\tl\t\tdev",
    )
    items = list(read_evaluation(path))
    assert refused_of(items) == {
        "line 5": "wrong_number_of_fields",
        "2": "image_missing",
        "3": "no_question",
        "line 9": "bad_row",
    }
    assert questions_of(items)["6"] == "The last one?"
    broken = next(item for item in items if item.item == "4" and isinstance(item, EvaluationItem) and item.load)
    assert broken.load is not None
    with pytest.raises(Unreadable, match="bad_base64"):
        broken.load()


def test_a_bomb_of_base64_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    row = f"9\tHow large?\t\ta\tb\t\t\tA\tc\t{'A' * 60_000_000}\ts\tl\t\tdev"
    items = list(read_evaluation(make_mmbench(tmp_path / "m.tsv", row)))
    bomb = next(item for item in items if item.item == "9" and isinstance(item, EvaluationItem) and item.load)
    assert bomb.load is not None
    with pytest.raises(Unreadable, match="too_many_bytes"):
        bomb.load()


def test_a_table_of_other_columns_is_a_mistake_in_the_recipe(tmp_path: Path) -> None:
    for header in ("url\tcaption", "index\tquestion\tquestion\timage", "", '"question\timage'):
        with pytest.raises(RecipeError, match="expected index, question"):
            list(read_evaluation(write(tmp_path / "other.tsv", f"{header}\nx\ty\n")))


def test_gqa_reads_the_images_that_are_asked_about_once_and_no_training_questions(tmp_path: Path) -> None:
    items = list(read_evaluation(make_gqa(tmp_path / "gqa"), name="gqa"))
    assert questions_of(items) == {
        "201307251": "Is it overcast?",
        "201640614": "Who is wearing the dress?",
        "201640615": "Who is wearing the hat?",
    }
    assert images_of(items) == {"n161313.jpg": encoded(picture(4)), "n235859.jpg": encoded(picture(5))}
    assert [item.item for item in items].count("n235859.jpg") == 1
    assert not refused_of(items)


def test_broken_members_of_gqa_are_named(tmp_path: Path) -> None:
    records = {"a": 7, "b": {"question": " ", "imageId": "../../etc/passwd"}, "c": {"question": "Q?", "imageId": "x"}}
    path = write(tmp_path / "testdev_all_questions.json", json.dumps(records))
    items = list(read_evaluation(path))
    assert [(item.item, item.error.reason) for item in items if not isinstance(item, EvaluationItem)] == [
        ("a", "no_question"),
        ("a", "image_missing"),
        ("b", "no_question"),
        ("../../etc/passwd.jpg", "image_missing"),
        ("x.jpg", "image_missing"),
    ]


@pytest.mark.parametrize(
    "text", ['{"1": {"question": "A?", "imageId": "1"}, "2": {"que', "[]", "", '{"1" 2}', "{1: 2}"]
)
def test_a_json_file_that_is_cut_off_or_another_one_stops_the_build(tmp_path: Path, text: str) -> None:
    with pytest.raises(TaskError, match="to its end"):
        list(read_evaluation(write(tmp_path / "q.json", text)))


def test_llavas_json_lines_find_their_images(tmp_path: Path) -> None:
    make_gqa(tmp_path / "data")
    lines = [
        {
            "question_id": "1",
            "image": "n161313.jpg",
            "text": "Is it overcast?\nAnswer the question ...",
            "category": "x",
        },
        {"question_id": 2, "image": "n161313.jpg", "text": "Is it dark?"},
        {"question_id": 3, "image": "absent.jpg", "question": "Where?", "options": ["here", "there"]},
        {"question_id": 4, "image": "../secret.jpg", "question": "Who?"},
        {"question_id": 5},
    ]
    text = "\n".join(map(json.dumps, lines)) + "\nnot JSON\n"
    items = list(read_evaluation(write(tmp_path / "llava_gqa_testdev_balanced.jsonl", text)))
    assert list(questions_of(items)) == ["1", "2", "3", "4"]
    assert list(images_of(items)) == ["n161313.jpg"]
    assert [item.item for item in items].count("n161313.jpg") == 1
    assert refused_of(items) == {
        "absent.jpg": "image_missing",
        "../secret.jpg": "image_missing",
        "line 5": "no_question",
        "line 6": "bad_json",
    }


def test_plain_text_has_a_question_a_line(tmp_path: Path) -> None:
    items = list(
        read_evaluation(write(tmp_path / "mine.txt", "What is this?\n\n  Who is that?  \n\xff".encode("latin-1")))
    )
    assert questions_of(items) == {"line 1": "What is this?", "line 3": "Who is that?"}
    assert refused_of(items) == {"line 4": "bad_utf8"}


def test_a_folder_of_images_is_read_at_any_depth_and_through_links(tmp_path: Path) -> None:
    write(tmp_path / "set" / "b" / "2.JPEG", b"two")
    write(tmp_path / "set" / "1.png", b"one")
    write(tmp_path / "set" / "._1.png", b"what macOS leaves")
    write(tmp_path / "set" / "notes.md", b"no image")
    write(tmp_path / "elsewhere" / "3.webp", b"three")
    (tmp_path / "set" / "link").symlink_to(tmp_path / "elsewhere")
    for number in range(3):
        (tmp_path / "elsewhere" / f"back{number}").symlink_to(tmp_path / "set")
    with at_most(5):
        items = list(read_evaluation(tmp_path / "set", name="mine"))
    assert images_of(items) == {"1.png": b"one", "b/2.JPEG": b"two", "link/3.webp": b"three"}


def test_the_kind_is_told_by_what_is_there(tmp_path: Path) -> None:
    assert guess_kind(make_mme(tmp_path / "mme")) == "mme"
    assert guess_kind(make_gqa(tmp_path / "gqa")) == "gqa"
    assert guess_kind(make_mmbench(tmp_path / "mmbench" / "dev.tsv")) == "mmbench"
    assert guess_kind(tmp_path / "mmbench") == "mmbench"
    assert guess_kind(write(tmp_path / "lines" / "q.jsonl", "{}").parent) == "questions"
    # Images with captions, as img2dataset leaves them, are not MME.
    write(tmp_path / "captions" / "1.jpg", b"")
    write(tmp_path / "captions" / "1.txt", "A dog.\n")
    assert guess_kind(tmp_path / "captions") == "images"
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecipeError, match="give its kind"):
        guess_kind(tmp_path / "empty")


def test_what_is_not_there_or_not_of_the_kind_is_a_mistake_in_the_recipe(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "What?\n")
    with pytest.raises(RecipeError, match="there is no"):
        list(read_evaluation(tmp_path / "absent"))
    with pytest.raises(RecipeError, match="mme is a folder"):
        list(read_evaluation(file, "mme"))
    with pytest.raises(RecipeError, match="no file of kind gqa"):
        list(read_evaluation(tmp_path, "gqa"))
