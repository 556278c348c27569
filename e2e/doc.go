// Package e2e plays whole stories against the real app: its store, engine, actions and files in one
// process, people acting through the same function every surface uses, on a clock that tests move.
//
// The stories are txtar scripts in scripts/, readable without knowing Go. Their commands are:
//
//	app                     start Switchman on the organisation in org/ (the tiny bank unless the script brings one)
//	as PERSON VERB …        act; `! as …` expects a refusal, whose sentence id is then on stderr
//	until STATE             wait until the run of the story reaches a state; until FIELD VALUE for others
//	advance 31m             move the clock
//	crash                   drop the app without stopping it, on the same store
//	stop                    stop it properly
//	show FIELD VALUE        compare one field of the run
//	rows KIND COUNT         wait until the story's run has so many journal rows of a kind
//	edit FILE OLD NEW       change a file of the organisation
//	verbs PERSON a,b,c      compare what the person may do now
//	run, locks, expect      choose another run; compare locks; announce an error log
//	tool …                  the stand-in for a bank's own commands: set, unset, is, not, true, fail, hang
//
// Kill tests are different: there the app is a real child process in real time, and kill -9 is real.
package e2e
