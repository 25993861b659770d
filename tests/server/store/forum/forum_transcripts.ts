/**
 * What is said in a forum: after `NAME> ` what a user types, and below it what he is told.
 * `protocol/forum.md`. They hold whatever lies between the user and the store.
 */
export const TRANSCRIPTS: Readonly<Record<string, string>> = {
  "CRT makes a thread, once": `
    yoda> CRT thread0
    Thread thread0 created
    yoda> CRT thread0
    Thread thread0 exists
    hans> CRT thread0
    Thread thread0 exists
    hans> CRT Thread0
    Thread Thread0 created
    yoda> CRT aA0!@#$%.?,_-
    Thread aA0!@#$%.?,_- created
    yoda> LST
    The list of active threads:
    thread0
    Thread0
    aA0!@#$%.?,_-`,
  "LST of a forum with nothing in it": `
    yoda> LST
    No threads to list`,
  "MSG numbers messages from 1 in each thread, and keeps their text as it was typed": `
    yoda> CRT a
    Thread a created
    hans> CRT b
    Thread b created
    yoda> MSG a hello
    Message posted to a thread
    hans> MSG a   two  spaces, and a tail  
    Message posted to a thread
    yoda> MSG b 1 2 3 Ω ✓ 'quoted' /slash -dash
    Message posted to b thread
    yoda> RDT a
    1 yoda: hello
    2 hans:   two  spaces, and a tail  
    hans> RDT b
    1 yoda: 1 2 3 Ω ✓ 'quoted' /slash -dash
    yoda> MSG c hello
    Thread c does not exist`,
  "DLT is for the author alone, and renumbers what follows": `
    yoda> CRT a
    Thread a created
    yoda> MSG a one
    Message posted to a thread
    hans> MSG a two
    Message posted to a thread
    yoda> MSG a three
    Message posted to a thread
    yoda> DLT a 2
    The message belongs to another user and cannot be deleted
    hans> DLT a 2
    The message has been deleted
    hans> DLT a 2
    The message belongs to another user and cannot be deleted
    yoda> RDT a
    1 yoda: one
    2 yoda: three
    yoda> DLT a 3
    Message 3 does not exist
    yoda> DLT a 0
    Message 0 does not exist
    yoda> DLT a 999999999999999
    Message 999999999999999 does not exist
    yoda> DLT b 1
    Thread b does not exist
    yoda> DLT a 1
    The message has been deleted
    yoda> DLT a 1
    The message has been deleted
    yoda> RDT a
    Thread a is empty
    yoda> MSG a four
    Message posted to a thread
    yoda> RDT a
    1 yoda: four`,
  "EDT is for the author alone; number and author stay": `
    yoda> CRT a
    Thread a created
    yoda> MSG a one
    Message posted to a thread
    hans> MSG a two
    Message posted to a thread
    hans> EDT a 1 mine
    The message belongs to another user and cannot be edited
    yoda> EDT a 1  a better  one
    The message has been edited
    yoda> EDT a 3 x
    Message 3 does not exist
    yoda> EDT b 1 x
    Thread b does not exist
    yoda> RDT a
    1 yoda:  a better  one
    2 hans: two`,
  "RMV is for its creator alone, and takes everything along": `
    yoda> CRT a
    Thread a created
    hans> MSG a one
    Message posted to a thread
    hans> RMV a
    The thread was created by another user and cannot be removed
    yoda> RMV b
    Thread b does not exist
    yoda> RMV a
    Thread a removed
    yoda> RDT a
    Thread a does not exist
    yoda> LST
    No threads to list
    hans> CRT a
    Thread a created
    hans> RDT a
    Thread a is empty
    yoda> RMV a
    The thread was created by another user and cannot be removed
    hans> RMV a
    Thread a removed`,
  "RDT of what there is, and of what there is not": `
    yoda> RDT a
    Thread a does not exist
    yoda> CRT a
    Thread a created
    yoda> RDT a
    Thread a is empty`,
  "what is typed wrongly is told, and changes nothing": `
    yoda> crt a
    Invalid command
    yoda> HELP
    Invalid command
    yoda> 
    Invalid command
    yoda> CRT
    Incorrect syntax for CRT
    yoda> CRT a b
    Incorrect syntax for CRT
    yoda> CRT a/b
    Incorrect syntax for CRT
    yoda> CRT ../a
    Incorrect syntax for CRT
    yoda> CRT 0123456789012345678901234567890123456789012345678901234567890123x
    Incorrect syntax for CRT
    yoda> LST a
    Incorrect syntax for LST
    yoda> LST
    No threads to list
    yoda>   CRT   a  
    Thread a created
    yoda> MSG
    Incorrect syntax for MSG
    yoda> MSG a
    Incorrect syntax for MSG
    yoda> MSG a    
    Incorrect syntax for MSG
    yoda> RDT
    Incorrect syntax for RDT
    yoda> RDT a a
    Incorrect syntax for RDT
    yoda> DLT a
    Incorrect syntax for DLT
    yoda> DLT a one
    Incorrect syntax for DLT
    yoda> DLT a -1
    Incorrect syntax for DLT
    yoda> DLT a 1 1
    Incorrect syntax for DLT
    yoda> DLT a 1e3
    Incorrect syntax for DLT
    yoda> EDT a 1
    Incorrect syntax for EDT
    yoda> EDT a one two
    Incorrect syntax for EDT
    yoda> RMV
    Incorrect syntax for RMV
    yoda> RMV a a
    Incorrect syntax for RMV
    yoda> UPD a
    Incorrect syntax for UPD
    yoda> DWN a
    Incorrect syntax for DWN
    yoda> DWN a ../../etc/passwd
    Incorrect syntax for DWN
    yoda> XIT now
    Incorrect syntax for XIT
    yoda> RDT a
    Thread a is empty`,
};

/** What a user types, and all that he is told then. */
export interface Exchange {
  user: string;
  typed: string;
  told: string[];
}

/** The exchanges of a transcript. */
export function exchanges(transcript: string): Exchange[] {
  const all: Exchange[] = [];
  for (const line of transcript.split("\n").slice(1)) {
    const text = line.replace(/^ {4}/, "");
    const [, user, typed] = /^(\w+)> (.*)$/.exec(text) ?? [];
    if (user !== undefined) all.push({ user, typed: typed!, told: [] });
    else all.at(-1)!.told.push(text);
  }
  return all;
}
