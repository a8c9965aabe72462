"""What nets make of clips on their way to an answer: the verb `jaxsign embed`."""
