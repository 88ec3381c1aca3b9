import BorgCommands

Borg.main()
