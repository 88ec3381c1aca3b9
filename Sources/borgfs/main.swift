import BorgCommands

Borg.main(asBorgFS: true)
