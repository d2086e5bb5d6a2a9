"""NASA's Common Metadata Repository: queries, answers, records."""
