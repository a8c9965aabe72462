"""Words that a first recogniser should know, in the order in which they are wished for.

The order matters: of Google's 250 isolated signs the first 25 that occur here are the 25 classes of
the ASL hybrid (google_asl_recognition), in its order. Not among the 250, but wished for since other
collections have them: sorry, goodbye, welcome; all pronouns (Google's are the joint signs hesheit,
weus, minemy); mother, father, woman, baby, friend, family; eat, come, stop, help, want, like to
learn or work; angry, tired, good, love; all numbers.
"""

GREETINGS = ("hello", "please", "thankyou", "sorry", "welcome", "bye", "goodbye")
PRONOUNS = ("i", "me", "you", "he", "she", "it", "we", "they", "my", "your")
FAMILY = (
    *("mom", "mother", "dad", "father", "sister", "baby", "boy", "girl", "man", "woman", "child"),
    *("friend", "family"),
)
ACTIONS = ("eat", "drink", "sleep", "go", "come", "stop", "help", "want", "learn", "work", "play")
FEELINGS = (
    *("happy", "sad", "angry", "love", "hungry", "thirsty", "tired", "sick", "good", "bad"),
)
COLOURS = ("red", "blue", "green", "yellow", "black", "white")
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# What follows is only reached where more than 25 signs are asked for, or other words are missing.
ANSWERS = ("yes", "no", "not", "fine", "same", "better")
MORE_FAMILY = ("brother", "aunt", "uncle", "grandma", "grandpa", "person")
FOOD = ("water", "milk", "food", "apple", "pizza", "chocolate", "icecream")
QUESTIONS = ("who", "what", "where", "when", "why", "how")
TIMES = ("now", "later", "morning", "night", "today", "tomorrow", "yesterday", "time")
MORE_ACTIONS = (
    *("look", "see", "listen", "hear", "talk", "say", "think", "read", "give", "make", "have"),
    *("find", "wait", "open", "close", "finish", "jump", "dance", "cry", "smile"),
)
THINGS = ("home", "book", "car", "table", "chair", "bed", "door", "shoe", "shirt", "toy")
ANIMALS = ("cat", "dog", "bird", "fish", "horse", "cow", "pig", "duck")
MORE_COLOURS = ("brown", "orange", "pink", "purple", "gray")

WORDS = (
    *(*GREETINGS, *PRONOUNS, *FAMILY, *ACTIONS, *FEELINGS, *COLOURS, *NUMBERS, *ANSWERS),
    *(*MORE_FAMILY, *FOOD, *QUESTIONS, *TIMES, *MORE_ACTIONS, *THINGS, *ANIMALS, *MORE_COLOURS),
)
