"""What stands behind the Configure page and knows no screen: fields, drafts, patches of a YAML text."""
