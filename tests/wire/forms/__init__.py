"""The checks that Discord makes on what it is sent, each refusal in Discord's own words and form."""
