//EZBMCOPY PROC
//*
//* Each mail file for writer or destination SMTPD goes to two writers:
//*   OUT1  the mailer that delivers, now under the name SMTPD1
//*   OUT2  the mailer that only checks, with TestMode YES
//* At most two OUTPUT statements may be coded.
//*
//STEP     EXEC PGM=EZBMCOPY,PARM='WRITER=SMTPD'
//OUT1     OUTPUT WRITER=SMTPD1
//OUT2     OUTPUT WRITER=CSSMTP
//STEPLIB  DD DSN=SYS1.EZBMCOPY.LOAD,DISP=SHR
//SYSUT2   DD SYSOUT=*,SPIN=UNALLOC,
//            OUTPUT=(*.OUT1,*.OUT2),
//            HOLD=NO
//SYSPRINT DD SYSOUT=*
//SYSIN    DD DUMMY
