"""The Beacon v2 Framework: questions, answers, the wire and what may leave. Pure."""
