"""Names of takes: which action each shows, and which are the same take under another spelling."""

import pytest

from srnet_core.take_names import action_of, full_action, plain_name, same_take_key


@pytest.mark.parametrize(
    ("take", "action"),
    [
        ("Walking", "Walking"),
        ("Walking 1", "Walking"),
        ("SittingDown 2", "SittingDown"),
        ("Walking_1", "Walking"),
        ("Walking_02", "Walking"),
        ("Walking-3", "Walking"),
        ("Walking (2)", "Walking"),
        ("Walking 1.54138969", "Walking"),
        ("Walking 1 chunk0", "Walking"),
        ("Seq part 3", "Seq"),
        ("downtown_walking person 0 part 1", "downtown_walking"),
        ("Dancing 49_09", "Dancing"),
        ("DepositFloor 012", "DepositFloor"),
        ("Jump rope", "Jump rope"),
        ("Jump rope 2", "Jump rope"),
        ("Jump high 2", "Jump high"),
        ("jump_rope_2", "jump_rope"),
        ("TakingPhoto", "Photo"),
        ("TakingPhoto 1", "Photo"),
        ("Taking Photo_1", "Photo"),
        ("WalkingDog 1", "WalkDog"),
        ("Sitting Down 1", "SittingDown"),
        ("walking", "Walking"),
        ("sitting_down-2", "SittingDown"),
        ("Walking 1.54138969.h5", "Walking"),
        ("WalkTogether 2.cdf", "WalkTogether"),
        ("Walking[2]", "Walking"),
        ("Walking#1", "Walking"),
        ("Walking, 2", "Walking"),
        ("Walking\u20132", "Walking"),
        ("Jog_seq2", "Jog"),
        ("Jog clip 3 cam1", "Jog"),
        ("Morning run 2", "Morning run"),
        ("jump 2.5.mat", "jump"),
        ("07.h5", "07.h5"),
        ("v1.2", "v1"),
        ("Seq1", "Seq1"),  # a number that is part of the word counts
        ("07_01", "07_01"),  # nothing but numbers
        ("2", "2"),
        ("chunk0", "chunk0"),
        ("part 1", "part"),
        ("", ""),
        (" 1", " 1"),
        ("走る 2", "走る"),
    ],
)
def test_the_action_of_a_take(take, action):
    assert action_of(take) == action


def test_the_actions_of_human36m_keep_their_names():
    from srnet_core.synthetic.actions import ACTIONS

    assert [action_of(f"{a}{n}") for a in ACTIONS for n in ("", " 1", " 2")] == [a for a in ACTIONS for _ in range(3)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Photo 1", "TakingPhoto 1"),
        ("Walking 1", "walking_01"),
        ("Sitting Down", "SittingDown"),
        ("Walk (2)", "Walk-2"),
        ("Walking 1.h5", "walking_01"),
        ("Run[3]", "run 3"),
    ],
)
def test_takes_that_are_the_same(one, other):
    assert same_take_key(one) == same_take_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Walking", "Walking 1"), ("Walking 1", "Walking 2"), ("Sitting 1", "SittingDown 1"), ("!", "?")]
)
def test_takes_that_are_not_the_same(one, other):
    assert same_take_key(one) != same_take_key(other)


def test_other_spellings():
    assert plain_name("Taking_Photo ") == plain_name("takingphoto") == "takingphoto"
    assert (full_action("SitD."), full_action("Purch."), full_action("Walking")) == ("SittingDown", "Purchases", None)


def test_names_of_hostile_length_take_no_time():
    assert action_of("a" + " 1" * 5000 + "x").startswith("a")
    assert action_of("a" + "_" * 20000 + "x")
