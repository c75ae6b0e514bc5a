"""What people see and click: persistent buttons, modals, pages of lists, autocompletion."""
