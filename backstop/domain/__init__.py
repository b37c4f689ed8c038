"""Pure values and rules of trading. Imports nothing but itself and the standard library; does no I/O."""
