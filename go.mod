module syncline.dev/syncline

go 1.26
